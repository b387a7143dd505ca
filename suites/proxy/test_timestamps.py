"""TCP timestamps: the guest's clock in each segment goes on across promotion."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import History
from colo_harness.judge.frames import TimestampsGoOn
from colo_harness.judge.judgement import Violation
from colo_harness.machine.capture import Capture
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.frames import record_frames
from fixtures.claims import control
from fixtures.pair import Check


def lose_the_primary(pair: ColoPair, client: Client, nemesis: Nemesis) -> None:
    """Promote the secondary under a session that was opened after the last checkpoint."""
    pair.checkpoint()
    with Crowd([client.echo()], grace=0.1) as crowd:
        crowd.wait_acknowledged(each=10, timeout=20)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.work(1.5)


@pytest.mark.topology(checkpoint_delay_ms=60_000)
@pytest.mark.claim("PROXY-6")
@control(sabotage="unseeded-guest", checker="timestamps_go_on")
def test_timestamps_go_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, history: History, capture: Capture, check: Check
) -> None:
    """TSval of a session runs on across promotion, where the guest had drawn TCP's secrets before COLO began."""
    lose_the_primary(pair, client, nemesis)
    record_frames(capture, history)

    check(TimestampsGoOn())


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0001-tcp-timestamps.md")
@pytest.mark.topology(checkpoint_delay_ms=60_000, fresh=True)
@pytest.mark.claim("PROXY-6")
def test_timestamps_of_a_fresh_guest_go_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, history: History, capture: Capture, check: Check
) -> None:
    """TSval of a session runs on across promotion, where it is the first connection of the guest."""
    lose_the_primary(pair, client, nemesis)
    record_frames(capture, history)

    check(TimestampsGoOn())
