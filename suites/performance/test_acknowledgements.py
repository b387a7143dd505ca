"""What a checkpoint waits for: TCP's delayed acknowledgement."""

import pytest

from colo_harness.bench.acknowledgements import WAYS, WHATS, measure_acknowledgements
from colo_harness.bench.gauge import Gauge
from colo_harness.judge.judgement import Violation
from colo_harness.judge.measuring import Measured
from colo_harness.judge.prompting import LeavesAtOnce
from fixtures.claims import control
from fixtures.pair import Check

USUAL = 20
DELAYED, QUICK = WAYS
HELD = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0061-held-for-an-acknowledgement.md"
)
LOADED = "vmstate-loaded"


@pytest.mark.parametrize("way", [pytest.param(DELAYED, id="delayed", marks=HELD), pytest.param(QUICK, id="quickack")])
@pytest.mark.slow
@pytest.mark.topology(guest="micro")
@pytest.mark.claim("PERF-4")
@control(sabotage="slow-acknowledgements", checker="leaves_at_once", on="quickack")
def test_the_secondary_says_at_once_that_it_has_loaded(gauge: Gauge, check: Check, way: str) -> None:
    """VMSTATE_LOADED does not wait until VMSTATE_RECEIVED is acknowledged; pauses are measured both ways."""
    measure_acknowledgements(gauge, USUAL)

    times = len(gauge.repetitions(USUAL))
    measures = tuple(f"{what}, {each}" for what in WHATS for each in WAYS)
    check(LeavesAtOnce(LOADED, times, way), Measured(measures, times))
