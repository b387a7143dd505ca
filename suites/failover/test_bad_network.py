"""Networks and hosts that are bad and not dead: they cost time."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.impaired import BadLink
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.slow import Slow
from colo_harness.judge import (
    acknowledged_explained,
    counter_monotonic,
    exercised,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.machine.fates import Impairment
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

RIGHT = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
LOSS, TWICE, LATE = Impairment(loss=3), Impairment(duplicate=5), Impairment(reorder=5)
SPOILT, ALL = Impairment(corrupt=3), Impairment(loss=2, duplicate=2, reorder=2, corrupt=2)
FAR, NARROW = Impairment(delay_ms=30, jitter_ms=10), Impairment(mbit=20)
pytestmark = [pytest.mark.answers(within=10), pytest.mark.topology(checkpoint_delay_ms=60_000)]


@pytest.mark.parametrize("fault", [BadLink("colo", FAR), BadLink("colo", NARROW), Slow(Role.SECONDARY)], ids=str)
@pytest.mark.claim("NET-4")
@control(sabotage="hasty-checkpoints", checker="no_forced_checkpoint")
def test_what_is_slow_costs_time_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: BadLink | Slow
) -> None:
    """With a secondary, or a way to it, that is slow, sessions are answered rightly and checkpoints do not multiply."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(fault)
        with pair.watching():
            crowd.let_answer(20)
            with pair.settling():
                pair.force_checkpoint()
            crowd.let_answer(10)
        nemesis.heal()
        crowd.let_answer(5)
    client.read_back()

    check(*RIGHT, NoForcedCheckpoint(most=2), CheckpointsGoOn(at_least=1))


@pytest.mark.parametrize("bad", [LOSS, TWICE, LATE, SPOILT], ids=str)
@pytest.mark.claim("NET-5")
@control(sabotage="hasty-checkpoints", checker="no_forced_checkpoint")
@control(sabotage="laundered-frames", checker="nothing_lost", on="corrupt-3")
def test_tcp_makes_good_what_the_network_does(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, bad: Impairment
) -> None:
    """Frames that are lost, doubled, late or spoilt on the clients' way harm no session, and force no checkpoint."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(BadLink("client", bad))
        with pair.watching():
            crowd.let_answer(30)
        nemesis.heal()
        crowd.let_answer(5)
    client.read_back()

    check(*RIGHT, NoForcedCheckpoint(most=2))


@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("NET-5")
def test_so_it_does_across_a_failover(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """On such a network sessions outlive either side, and every answer is right before and after."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(BadLink("client", ALL))
        crowd.let_answer(10)
        nemesis.inject(Kill(lost))
        pair.failover_to(lost.peer)
        crowd.let_answer(20)
        nemesis.heal()
    client.read_back()
    pair.observe_survivor("after")

    check(*RIGHT, sessions_go_on, survivors_run)
