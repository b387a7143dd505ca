"""What becomes of the clients' sessions when a pair that was resumed loses its primary."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    Opened,
    StallBelow,
    Violation,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    never_both_answer,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import HOSTS, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd, exchange
from fixtures.claims import control
from fixtures.pair import Check

KNOWN = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0008-rewritten-sessions-die-later.md"
)
HALF = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0009-half-a-frame.md")
LIVES = (exercised, never_both_answer, no_reset, nothing_lost, sessions_go_on, survivors_run)
pytestmark = [
    pytest.mark.answers(within=6),
    pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000),
]


@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("RES-3")
@control(sabotage="no-filters", checker="no_reset")
def test_a_resumed_pair_protects_as_a_first_one(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """Busy sessions, opened since the pair was resumed and no checkpoint, outlive the next primary, lose nothing."""
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    pair.resume()
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    primary = HOSTS[lost is Role.PRIMARY]
    check(Opened("after", primary), acknowledged_explained, counter_monotonic, StallBelow(margin_s=2.5), *LIVES)


@pytest.mark.claim("RES-4")
@control(sabotage="no-filters", checker="no_reset")
def test_sessions_outlive_two_primaries(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Sessions older than the last checkpoint, or opened by a survivor alone, outlive its loss after a resume."""
    sessions = client.incoming()
    exchange(sessions, 3)
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    sessions += client.incoming()
    exchange(sessions, 3)
    pair.resume()
    exchange(sessions, 3)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(sessions, 3)
    pair.observe_survivor("after")

    check(StallBelow(margin_s=2.5), *LIVES)


@KNOWN
@pytest.mark.claim("RES-4")
def test_rewritten_sessions_outlive_two_primaries(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """So does a session that was opened since the last checkpoint before the first loss."""
    session = client.echo()
    session.exchange(3)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    session.exchange(3)
    pair.resume()
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    session.exchange(3)
    pair.observe_survivor("after")

    check(*LIVES)


@pytest.mark.topology(narrowed=True)
@pytest.mark.parametrize("renewed", [True, pytest.param(False, marks=HALF)], ids=["renewed", "as-documented"])
@pytest.mark.claim("RES-5")
@control(sabotage="old-loop", checker="no_reset")
def test_half_a_frame_is_no_harm(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, *, renewed: bool
) -> None:
    """A session goes on after a resume though the primary's colo-compare had read half a frame when it was deleted."""
    with Crowd([client.echo()]) as crowd:
        crowd.let_answer(3)
        pair.relays.narrows.hold()
        pair.relays.narrows.wait_held(timeout=5)
        nemesis.inject(Kill(Role.SECONDARY))
        pair.failover_to(Role.PRIMARY)
        pair.relays.narrows.release()
        crowd.let_answer(3)
        pair.resume(renewed=renewed)
        crowd.let_answer(3)
    pair.observe("after")

    check(exercised, no_reset, sessions_go_on)
