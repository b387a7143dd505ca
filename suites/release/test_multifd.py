"""Memory that goes over several connections."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.ticks import Ticks
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.memory import GenerationPossible
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check
from suites.release.survivors import alone

MULTIFD = ("return-path", "x-colo", "multifd")


@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000, capabilities=(MULTIFD, MULTIFD), deferred=True)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-7")
@control(sabotage="old-page", checker="generation_possible")
def test_a_survivor_of_a_pair_with_multifd_has_the_guests_memory(
    pair: ColoPair, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """With multifd too, a survivor runs alone, with a memory that is the guest's work and not older than it may be."""
    ticks = Ticks(pair)
    pair.checkpoint()
    pair.checkpoint()
    ticks.quiet(Role.SECONDARY)
    ticks.go(Role.PRIMARY)
    pair.checkpoint()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    ticks.explain(Role.PRIMARY, "alone")
    pair.observe_survivor("after")

    check(GenerationPossible(), alone(lost.peer))
