"""How what COLO costs grows with the guest's memory."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.growth import MEMORIES, WHATS, measure_memory, of_memory
from colo_harness.judge.measuring import Measured
from fixtures.pair import Check

USUAL = 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.claim("PERF-1")
def test_with_the_guests_memory(gauge: Gauge, check: Check) -> None:
    """From 64 MiB to 1 GiB a guest is brought into COLO, and checkpointed."""
    measure_memory(gauge, USUAL)

    names = (of_memory(what, guest, mib) for guest, memories in MEMORIES.items() for mib in memories for what in WHATS)
    check(Measured(tuple(names), len(gauge.repetitions(USUAL))))
