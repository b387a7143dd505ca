"""Split brain: an old primary that was taken for lost and is not."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.nap import Nap
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, never_both_answer, no_reset, nothing_lost, survivors_run
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.answers(within=6)
@pytest.mark.claim("HB-1")
@control(sabotage="fence-does-nothing", checker="never_both_answer", on="primary")
def test_who_was_taken_for_lost_is_silent(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """A side that hung, was fenced, and would wake up when its peer has taken over, is never heard again."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(Nap(lost))
        pair.failover_to(lost.peer)
        crowd.let_answer(5)
        nemesis.heal()
        crowd.work(0.5)
    pair.observe("awake")
    pair.observe_survivor("after")

    check(never_both_answer, exercised, no_reset, nothing_lost, survivors_run)
