"""For how long checkpoints stop the guest, and what for."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.pauses import ALL, CHECKPOINTS, FEW, Case, measure_pauses, name
from colo_harness.judge.measuring import Measured, PausesAddUp
from fixtures.claims import control
from fixtures.pair import Check

EACH_CASE = [pytest.param(FEW, 1, id="few"), pytest.param(ALL, 5, id="all", marks=pytest.mark.slow)]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("cases", "usual"), EACH_CASE)
@pytest.mark.claim("PERF-1")
@control(sabotage="no-checkpoints", checker="pauses_add_up")
def test_where_a_pause_goes(gauge: Gauge, check: Check, cases: tuple[Case, ...], usual: int) -> None:
    """Each pause is one whole exchange of messages, whose steps make it up, whatever memory there is and is dirtied."""
    measure_pauses(gauge, cases, usual)

    times = len(gauge.repetitions(usual))
    check(PausesAddUp(CHECKPOINTS * len(cases) * times), Measured(tuple(map(name, cases)), times))
