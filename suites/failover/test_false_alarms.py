"""A heartbeat that is disturbed, while both sides live."""

import pytest

from colo_harness.faults.beats import Busy, Jitter
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, never_both_answer, no_reset, nothing_lost
from colo_harness.judge.managing import NoFalseAlarm
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

WATCHED_S = 3.0
"""Longer than the heartbeat's patience."""
BEATS = 20


@pytest.mark.topology(managed=True, checkpoint_delay_ms=500)
@pytest.mark.parametrize("trouble", [Busy(), Jitter()], ids=str)
@pytest.mark.claim("HB-4")
@control(sabotage="nervous-heartbeat", checker="no_false_alarm", on="jitter-0.5")
def test_no_peer_is_given_up_that_lives(client: Client, nemesis: Nemesis, check: Check, trouble: Busy | Jitter) -> None:
    """Busy processors, or beats that come late or not at all now and then, bring about no failover."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(trouble)
        crowd.work(WATCHED_S)
        nemesis.heal()
        crowd.let_answer(5)

    check(NoFalseAlarm(BEATS), never_both_answer, exercised, no_reset, nothing_lost)
