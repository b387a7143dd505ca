"""A cluster manager in charge of the pair: it starts and watches it, and we only look."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    never_both_answer,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.manager.duty import Duty
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.manager import with_each_manager
from fixtures.pair import Check

LOSSES = [
    pytest.param(Kill(Role.PRIMARY), marks=pytest.mark.answers(within=5)),
    Kill(Role.SECONDARY),
    Freeze(Role.PRIMARY),
    Freeze(Role.SECONDARY),
]
SOUND = (exercised, never_both_answer, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, StallBelow(margin_s=2.5), new_sessions_open, sessions_go_on, survivors_run)
pytestmark = [pytest.mark.topology(managed=True), pytest.mark.answers(within=8)]


@with_each_manager
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("HB-2")
@control(sabotage="deaf-heartbeat", checker="no_reset", on="kill-primary-built-in")
def test_a_lost_side_is_noticed_and_fenced_and_the_other_one_promoted(
    duty: Duty, pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill | Freeze
) -> None:
    """Whichever side is lost, its manager has it fenced, lets the other one carry on, and busy sessions live on."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        pair.checkpoint()
        nemesis.inject(loss)
        duty.let_take_over()
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(*SOUND, *GOES_ON)
