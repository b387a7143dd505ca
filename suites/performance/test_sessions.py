"""How what COLO costs grows with the number of sessions."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.growth import SESSIONS, SIDES, measure_sessions, name
from colo_harness.judge.measuring import Measured
from fixtures.pair import Check

USUAL = 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.claim("PERF-2")
def test_with_the_number_of_sessions(gauge: Gauge, check: Check) -> None:
    """From 1 to 256 sessions that ask at once, each is answered, whether the guest is alone or in lock-step."""
    measure_sessions(gauge, USUAL)

    measures = tuple(name(side.name, sessions) for side in SIDES for sessions in SESSIONS)
    check(Measured(measures, len(gauge.repetitions(USUAL))))
