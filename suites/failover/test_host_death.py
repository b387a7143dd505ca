"""A host that dies with its processes and its links: nobody says goodbye for it."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.host import HostDeath
from colo_harness.faults.moments import AFTER_COMMIT, BEFORE_COMMIT, IDLE, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, StallBelow(margin_s=2.5), new_sessions_open, sessions_go_on, survivors_run)
HANG_S = 4.0
"""A command of a failover that takes so long hangs: each takes a few milliseconds."""
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6), pytest.mark.needs("forgetting")]


@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("moment", [IDLE, BEFORE_COMMIT, AFTER_COMMIT], ids=str)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("NET-6")
@control(sabotage="no-yank", checker="failover_completed", on="secondary-idle")
@control(sabotage="no-promotion", checker="sessions_go_on", on="primary-idle")
def test_the_other_host_carries_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role, moment: Moment
) -> None:
    """A host that vanishes without a word is outlived, with an out-of-band yank, and nothing acknowledged is lost."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        with moment.reached(pair, client):
            nemesis.inject(HostDeath(lost))
            pair.attempt_failover(lost.peer, fenced=False, within=HANG_S)
            crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, *NOTHING_LOST, *GOES_ON)


@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("NET-6")
def test_a_host_that_came_back_protects_again(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """When the host is there again, with nothing on it, replication is resumed and the sessions go on."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(HostDeath(lost))
        pair.failover_to(lost.peer, fenced=False)
        nemesis.heal()
        pair.resume()
        crowd.let_answer(5)
    client.read_back()

    check(*NOTHING_LOST, sessions_go_on)
