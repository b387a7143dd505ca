"""How long a survivor runs unprotected."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.resyncs import SIZES, measure_resyncs, name
from colo_harness.judge.measuring import Measured
from colo_harness.judge.turns import disks_alike
from fixtures.claims import control
from fixtures.pair import Check

USUAL = 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.claim("PERF-5")
@control(sabotage="short-resync", checker="disks_alike")
def test_how_long_a_resync_takes(gauge: Gauge, check: Check) -> None:
    """From the loss of its secondary a primary is protected again when all of its disk is copied, whatever its size."""
    measure_resyncs(gauge, SIZES, USUAL)

    times = len(gauge.repetitions(USUAL))
    check(disks_alike, Measured(tuple(map(name, SIZES)), times))
