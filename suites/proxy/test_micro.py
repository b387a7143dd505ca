"""The proxy with a bare-metal guest, which runs also under a KVM that is too poor for Linux."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.lockstep import DivergenceForces, SilenceBounded
from colo_harness.judge.sessions import nothing_lost
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

MICRO = pytest.mark.topology(guest="micro", checkpoint_delay_ms=60_000, compare_timeout_ms=3000, scan_cycle_ms=250)


@pytest.mark.slow
@on_each_accelerator
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
