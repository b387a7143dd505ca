"""What a client sees of a lost primary."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.outages import GAP, OUTAGE, measure_outages
from colo_harness.judge.measuring import Measured
from colo_harness.judge.outages import OutagesEnd
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("usual", [pytest.param(2, id="few"), pytest.param(50, id="many", marks=pytest.mark.slow)])
@pytest.mark.claim("PERF-3")
@control(sabotage="deaf-heartbeat", checker="outages_end")
def test_how_long_a_client_waits_for_the_survivor(gauge: Gauge, check: Check, usual: int) -> None:
    """Each lost primary is noticed, fenced and replaced, in this order; what each step takes makes up the whole."""
    measure_outages(gauge, usual)

    times = len(gauge.repetitions(usual))
    check(OutagesEnd(times), Measured((OUTAGE, GAP), times))
