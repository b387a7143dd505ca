"""How what a client sees of a lost primary grows with sessions and memory."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.growth import OUTAGES, measure_outages
from colo_harness.judge.measuring import Measured
from colo_harness.judge.outages import OutagesEnd
from colo_harness.judge.sessions import no_reset
from fixtures.pair import Check

USUAL = 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.claim("PERF-3")
def test_a_lost_primary_with_sessions_and_memory(gauge: Gauge, check: Check) -> None:
    """From 1 to 256 sessions, and 128 MiB to 1 GiB, each lost primary is replaced and each session answered."""
    measure_outages(gauge, USUAL)

    times = len(gauge.repetitions(USUAL))
    check(no_reset, OutagesEnd(len(OUTAGES) * times), Measured(tuple(OUTAGES), times))
