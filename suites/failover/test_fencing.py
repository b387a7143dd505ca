"""What a cluster manager does when it cannot know who lives: it fences first, and never are there two primaries."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.beats import BeatsCut
from colo_harness.faults.cut import Cut
from colo_harness.faults.loss import PEER_LOST
from colo_harness.faults.nap import Nap
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    acknowledged_explained,
    counter_monotonic,
    exercised,
    never_both_answer,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.managing import GaveUp, fenced_before_promoted
from colo_harness.manager.duty import Duty
from colo_harness.qemu.topology import Channel, Host, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.manager import with_each_manager
from fixtures.pair import Check

SOUND = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic, sessions_go_on, survivors_run)
pytestmark = [pytest.mark.topology(managed=True), pytest.mark.answers(within=8)]


@with_each_manager
@pytest.mark.answers(within=4)
@pytest.mark.claim("HB-1")
@control(sabotage="fence-does-nothing", checker="never_both_answer", on="built-in")
def test_hosts_that_only_lose_sight_of_each_other_do_not_both_answer(
    duty: Duty, pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Cut the heartbeat network, and each host takes the other for lost, but only one fences; sessions live on."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        pair.checkpoint()
        nemesis.inject(BeatsCut())
        duty.let_take_over()
        crowd.let_answer(5)
        nemesis.heal()
        crowd.work(0.3)

    check(never_both_answer, exercised, no_reset, nothing_lost)


BROKEN = "COLO ended by an error"
SOON = pytest.mark.topology(checkpoint_delay_ms=1_000)
LATE = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)


@pytest.mark.parametrize(
    "first", [pytest.param("host_a", marks=SOON), pytest.param("host_b", marks=[LATE, pytest.mark.slow])]
)
@pytest.mark.claim("HB-1")
@control(sabotage="fence-does-nothing", checker="fenced_before_promoted", on="host_a")
def test_hosts_whose_checkpoint_stream_broke_do_not_both_answer(
    duty: Duty, pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, first: Host
) -> None:
    """COLO ends by an error, and both hosts live: the primary is left, or, where it is not told, the secondary."""
    nemesis.allow("killed", *PEER_LOST)
    with Crowd([client.echo(), client.log(), client.counter()]) as crowd:
        crowd.let_answer(5)
        nemesis.inject(Cut(Channel.CHECKPOINT))
        duty.let_take_over(patiences=2, sides=2)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(never_both_answer, fenced_before_promoted, GaveUp(first, BROKEN), *SOUND)


@pytest.mark.claim("HB-1")
@control(sabotage="fence-does-nothing", checker="never_both_answer")
def test_a_host_that_slept_is_fenced_before_it_wakes(
    duty: Duty, pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A host that hangs with its watcher and all else is fenced, and has no more to say when it would wake up."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        pair.checkpoint()
        nemesis.inject(Nap(Role.PRIMARY, host=True))
        duty.let_take_over()
        crowd.let_answer(5)
        nemesis.heal()
        crowd.work(0.5)
    pair.observe_survivor("after")

    check(never_both_answer, fenced_before_promoted, exercised, no_reset, nothing_lost, sessions_go_on, survivors_run)


@pytest.mark.answers(within=6)
@pytest.mark.claim("HB-3")
@control(sabotage="fence-unheeded", checker="fenced_before_promoted")
def test_nobody_is_promoted_whose_peer_could_not_be_fenced(
    duty: Duty, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """While fencing fails nobody is promoted, however long the primary is silent; when it wakes up, it is alone."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        duty.switch.jammed = True
        nemesis.inject(Nap(Role.PRIMARY))
        duty.let_take_over()
        nemesis.heal()
        crowd.let_answer(5)

    check(never_both_answer, fenced_before_promoted, exercised, nothing_lost)
