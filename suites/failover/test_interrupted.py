"""What comes between two commands of a failover."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.procedure import PRIMARY_CHARDEVS
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.moments import IN_FAILOVER, TOLD_FIRST, InFailover
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    counter_monotonic,
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    output_committed,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

NOTHING_LOST = (exercised, no_reset, nothing_lost, output_committed, counter_monotonic)
GOES_ON = (failover_completed, new_sessions_open, sessions_go_on, survivors_run)
ALIKE = [InFailover(Role.SECONDARY, chardev) for chardev in PRIMARY_CHARDEVS[:-1]]
"""One of six commands in a row that do the same is as good as the others."""
EVERY = [
    *(moment for moment in IN_FAILOVER if moment not in ALIKE),
    *(pytest.param(moment, marks=pytest.mark.slow) for moment in (*ALIKE, *TOLD_FIRST)),
]
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6)]


@pytest.mark.parametrize("moment", EVERY, ids=str)
@pytest.mark.claim("MOM-4")
def test_a_peer_may_die_and_clients_come_between_two_commands(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: InFailover
) -> None:
    """A peer that hung dies, and a client connects, after each command: the next ones are carried out all the same."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Freeze(moment.role.peer))
        with moment.reached(pair, client):
            nemesis.inject(Kill(moment.role.peer))
        crowd.let_answer(3)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, *NOTHING_LOST, *GOES_ON)


@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("MOM-4")
@control(sabotage="no-promotion", checker="no_reset")
def test_removals_may_come_last(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """A survivor that is told that it is alone before anything is removed completes its failover, too."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Freeze(lost))
        pair.attempt_failover(lost.peer, fenced=False, first=True)
        crowd.let_answer(3)
    with client.echo() as late:
        late.exchange(1)
    client.read_back()
    pair.observe_survivor("after")

    check(*NOTHING_LOST, *GOES_ON)
