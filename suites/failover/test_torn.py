"""A stream between the hosts that breaks within a frame and is made anew."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.transfer import BULK
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.torn import Torn
from colo_harness.judge import Violation, exercised
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.pair import PLAIN_TCP, Check

STOPS = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0086-a-torn-frame-stops-both.md"
)
pytestmark = [pytest.mark.matrix, PLAIN_TCP]


@STOPS
@pytest.mark.answers(within=12)
@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250)
@pytest.mark.claim("NET-2")
def test_a_pair_outlives_a_frame_that_was_cut(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Answers that break off within a frame and come again stop neither side."""
    with Crowd([client.download(size=BULK, pause=0) for _ in range(4)]) as crowd:
        crowd.let_answer(1)
        nemesis.inject(Torn())
        crowd.let_answer(2)
        nemesis.heal()
        with pair.watching(), pair.settling():
            pair.force_checkpoint()

    check(exercised, CheckpointsGoOn(at_least=1, silent=True))
