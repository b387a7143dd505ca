"""A pair that loses one side after the other, and is made whole again each time."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.turns import take_turns
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    never_both_answer,
    no_reset,
    nothing_lost,
    sessions_go_on,
)
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.resuming import DisksEqual, ReplicatedAgain
from colo_harness.qemu.topology import Role
from colo_harness.settings import Settings
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, never_both_answer, StallBelow(margin_s=2.5), sessions_go_on)


@pytest.mark.answers(within=6)
@pytest.mark.topology(checkpoint_delay_ms=400)
@pytest.mark.parametrize("first", list(Role), ids=str)
@pytest.mark.claim("RES-1")
@pytest.mark.regression("LP #1881231")
@control(sabotage="no-checkpoints", checker="replicated_again")
def test_role_after_role(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, settings: Settings, first: Role
) -> None:
    """One set of busy sessions outlives the loss of one side after the other; the pair replicates again each time."""
    with Crowd(client.incoming(), pause=0.05) as crowd:
        crowd.let_answer(3)
        pair.checkpoint()
        take_turns(pair, nemesis, crowd, first=first, count=settings.cycles)
    client.read_back()

    check(ReplicatedAgain(settings.cycles), DisksEqual(settings.cycles), *NOTHING_LOST, *GOES_ON)


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("RES-1")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_guests_without_a_network_do_so_too(pair: ColoPair, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """A boot sector, under each accelerator, replicates again after either loss: it works on after each checkpoint."""
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    pair.resume()
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3), failover_completed)
