"""What each part of the proxy costs by itself."""

import pytest

from colo_harness.bench.filters import PARTS, TIMED, measure_filters
from colo_harness.bench.gauge import Gauge
from colo_harness.judge.measuring import Measured
from fixtures.pair import Check

USUAL = 10
ALL = tuple(f"{part}, {load}" for part in PARTS for load in TIMED)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.claim("PERF-2")
def test_each_part_of_the_proxy(gauge: Gauge, check: Check) -> None:
    """Put into a guest that runs alone, each part lets all of a load through, in every repetition."""
    measure_filters(gauge, USUAL)

    check(Measured(ALL, len(gauge.repetitions(USUAL))))
