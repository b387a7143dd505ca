"""The proxy with a bare-metal guest, which runs also under a KVM that is too poor for Linux."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.lockstep import DivergenceForces, SilenceBounded
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.sessions import nothing_lost
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check, micro_on_kvm

MICRO = pytest.mark.topology(guest="micro", checkpoint_delay_ms=60_000, compare_timeout_ms=3000, scan_cycle_ms=250)
pytestmark = pytest.mark.release


@micro_on_kvm
@MICRO
@pytest.mark.topology(compare_timeout_ms=1000)
@pytest.mark.claim("PROXY-1")
@control(sabotage="mirror-off", checker="no_forced_checkpoint", on="tcg")
@control(sabotage="mirror-off", checker="no_forced_checkpoint", on="kvm")
@control(sabotage="deaf-secondary", checker="no_forced_checkpoint", on="tcg")
def test_equal_datagrams_force_nothing(pair: ColoPair, client: Client, check: Check) -> None:
    """Echoes, counts and pings that are alike are answered, and none of them forces a checkpoint."""
    pair.checkpoint()
    with pair.watching(), Crowd(client.datagrams()) as crowd:
        crowd.work(1.5)

    check(NoForcedCheckpoint(), SilenceBounded(3, what=None), nothing_lost)


@micro_on_kvm
@MICRO
@pytest.mark.claim("PROXY-1")
@pytest.mark.regression("5a2d9929ac", may_fail_on="<6.1")
@control(sabotage="no-rewriter", checker="no_forced_checkpoint", on="tcg")
@control(sabotage="no-rewriter", checker="no_forced_checkpoint", on="kvm")
def test_equal_sessions_force_nothing(pair: ColoPair, client: Client, check: Check) -> None:
    """Sessions over TCP that are opened after a checkpoint get answers that are alike, and none forces the next one."""
    pair.checkpoint()
    with pair.watching(), Crowd([client.echo(), client.counter()]) as crowd:
        crowd.work(1.5)

    check(NoForcedCheckpoint(), SilenceBounded(3, what=None), nothing_lost)


@micro_on_kvm
@MICRO
@pytest.mark.claim("PROXY-2")
@control(sabotage="no-compare", checker="divergence_forces", on="tcg")
@control(sabotage="no-compare", checker="divergence_forces", on="kvm")
def test_a_datagram_that_differs_forces_a_checkpoint(pair: ColoPair, client: Client, check: Check) -> None:
    """A datagram that differs in its first or its last byte waits for a checkpoint and is the primary's."""
    pair.checkpoint()
    with pair.watching(), client.differ(transport="udp", timeout=10) as session:
        with pair.settling():
            session.ask(512, at=0)
        session.ask(512, at=511)

    check(DivergenceForces(), SilenceBounded(6, what="differ"), nothing_lost)
