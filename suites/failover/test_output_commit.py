"""Whatever a client was told before a loss is explained by the machine that survives it."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.cut import Cut
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import CONNECTIONS, FORCED, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    output_committed,
    survivors_run,
)
from colo_harness.qemu.topology import Channel, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd, exchange
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

SOUND = (exercised, no_reset, failover_completed, survivors_run, new_sessions_open)
UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
"""No checkpoint comes but those that are forced."""
TWICE = [
    (Cut(Channel.CHECKPOINT), Kill(Role.SECONDARY)),
    (Cut(Channel.NBD), Kill(Role.SECONDARY)),
    (Cut(Channel.CHECKPOINT), Kill(Role.PRIMARY)),
    (Cut(Channel.MIRROR), Kill(Role.PRIMARY)),
    (Cut(Channel.COMPARE), Kill(Role.PRIMARY)),
]
LOSSES = [Kill(Role.PRIMARY), Kill(Role.SECONDARY)]
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6), UNAIDED]


@pytest.mark.parametrize("moment", CONNECTIONS, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("OUT-1")
@control(sabotage="no-compare", checker="output_committed", on="kill-primary-frames-queued")
def test_nobody_is_told_what_the_secondary_has_not_heard(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill, moment: Moment
) -> None:
    """Answers, SYN-ACKs and FINs that wait for a secondary that lags are given by the survivor, which explains all."""
    sessions = client.incoming()
    exchange(sessions, 3)
    with moment.reached(pair, client):
        nemesis.inject(loss)
        pair.attempt_failover(loss.role.peer)
    exchange(sessions, 3)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, output_committed, nothing_lost, *SOUND)


@pytest.mark.parametrize(("cut", "loss"), TWICE, ids=str)
@pytest.mark.claim("OUT-1")
def test_a_stream_and_a_side_are_one_loss(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, cut: Cut, loss: Kill
) -> None:
    """When a stream is cut and a side dies before anybody has acted, the other side explains all, too."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(cut)
        nemesis.inject(loss)
        pair.attempt_failover(loss.role.peer)
        crowd.let_answer(3)
    with client.echo() as late:
        late.exchange(1)
    client.read_back()
    pair.observe_survivor("after")

    check(output_committed, nothing_lost, *SOUND)


@pytest.mark.claim("OUT-1")
@control(sabotage="stale-block", checker="output_committed")
def test_what_was_read_of_the_disk_is_read_again(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Blocks and records that a client has read are the same for the next one, which the survivor answers."""
    log = client.log()
    log.exchange(3)
    log.read_back()
    log.blocks(range(8))
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    log.blocks(range(8))
    client.read_back()
    pair.observe_survivor("after")

    check(output_committed, *SOUND)


@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("moment", FORCED, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("OUT-2")
def test_a_forced_checkpoint_may_be_cut_short(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill, moment: Moment
) -> None:
    """A client that was told what differs on the two sides is told the same by the survivor."""
    sessions = client.incoming()
    exchange(sessions, 3)
    with moment.reached(pair, client):
        nemesis.inject(loss)
        pair.attempt_failover(loss.role.peer)
    exchange(sessions, 3)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, output_committed, nothing_lost, *SOUND)


@pytest.mark.claim("OUT-2")
@control(sabotage="no-compare", checker="output_committed")
@control(sabotage="unapplied-checkpoints", checker="output_committed")
def test_a_forced_checkpoint_is_what_it_says(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """What a client has learnt by a checkpoint that its question forced holds when the primary is lost."""
    log = client.log()
    log.mark(0)
    log.read(0)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    with client.log() as reader:
        reader.read(0)
    pair.observe_survivor("after")

    check(output_committed, *SOUND)
