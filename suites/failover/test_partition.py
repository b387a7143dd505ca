"""Hosts that do not hear each other, or are not heard by the clients, though both are alive."""

from typing import get_args

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.partition import How, Partition, Unplugged, Way
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
from colo_harness.judge.lockstep import SilenceBounded
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.qemu.topology import Channel, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd, exchange
from colo_harness.traffic.disk import DiskLog
from colo_harness.traffic.session import Session
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, StallBelow(margin_s=2.5), new_sessions_open, sessions_go_on, survivors_run)
EVERYTHING = (*Channel, None)
BOTH_WAYS = [(Partition(channel), survivor) for channel in EVERYTHING for survivor in Role]
REFUSED = [(Partition(channel, how="reject"), survivor) for channel in EVERYTHING for survivor in Role]
ONE_WAY = [
    (Partition(channel, unheard, how), survivor)
    for channel in EVERYTHING
    for unheard in Role
    for how in get_args(How)
    for survivor in Role
]
UNSEEN = Unplugged(Role.PRIMARY), Role.SECONDARY
"""Clients do not reach the primary any more; nothing else is wrong."""
UNANSWERED = Unplugged(Role.PRIMARY, "from"), Role.SECONDARY
"""Clients reach the primary, and are not reached."""
CUT_OFF = [
    (Unplugged(Role.PRIMARY, "to"), Role.SECONDARY),
    *((Unplugged(Role.SECONDARY, way, how), Role.PRIMARY) for way in ("both", "from", "to") for how in get_args(How)),
]
UNNOTICED_S = 0.3
"""So long nobody does anything."""
BLIP_S = 1.2
"""Twice what hosts that are sabotaged wait: a segment of theirs is under way early in it."""
HELD_S = 3.0
HANG_S = 4.0
"""A command of a failover that takes so long hangs: each takes a few milliseconds."""
UNHEARD = [Partition(channel, how=how) for channel in (Channel.MIRROR, Channel.COMPARE) for how in get_args(How)]
pytestmark = [pytest.mark.matrix, PLAIN_TCP]


def told_in_vain(session: Session, partition: Partition | Unplugged, survivor: Role) -> bool:
    """Tell whether what the session is answered late, after its disk, may have been acknowledged by the other alone."""
    if survivor is Role.PRIMARY or isinstance(partition, Unplugged) or partition.unheard is Role.SECONDARY:
        return False
    return partition.channel in (Channel.MIRROR, None) and isinstance(session, DiskLog)


def outlives(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, partition: Partition | Unplugged, survivor: Role
) -> None:
    """Part the hosts under traffic, fence the one and let the other go on; finding 6 is left to its own test."""
    sessions = client.incoming()
    exchange(sessions, 5)
    with Crowd([one for one in sessions if not told_in_vain(one, partition, survivor)]) as crowd:
        crowd.let_answer(1)
        nemesis.inject(partition)
        crowd.work(UNNOTICED_S)
        nemesis.inject(Kill(survivor.peer))
        pair.attempt_failover(survivor, fenced=False, within=HANG_S)
        crowd.let_answer(5)
    exchange(sessions, 1)
    client.read_back()
    pair.observe_survivor("after")

    check(*NOTHING_LOST, *GOES_ON)


@pytest.mark.answers(within=6)
@pytest.mark.parametrize(
    ("partition", "survivor"), [*BOTH_WAYS, UNSEEN, UNANSWERED, *REFUSED[::3], *ONE_WAY[::9]], ids=str
)
@pytest.mark.claim("NET-1")
@control(sabotage="no-yank", checker="failover_completed", on="drop-nbd-primary")
@control(sabotage="no-promotion", checker="sessions_go_on", on="drop-all-secondary")
def test_either_side_may_be_fenced(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, partition: Partition | Unplugged, survivor: Role
) -> None:
    """Whatever was cut off between the hosts: once either is fenced, the other goes on, and nothing is lost."""
    outlives(pair, client, nemesis, check, partition, survivor)


@pytest.mark.slow
@pytest.mark.answers(within=6)
@pytest.mark.parametrize(("partition", "survivor"), [*REFUSED, *ONE_WAY, *CUT_OFF], ids=str)
@pytest.mark.claim("NET-1")
def test_either_side_may_be_fenced_in_every_case(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, partition: Partition | Unplugged, survivor: Role
) -> None:
    """So it is with every stream, in either direction, dropped and refused, whoever is fenced."""
    outlives(pair, client, nemesis, check, partition, survivor)


@pytest.mark.parametrize("way", ["both", *(pytest.param(way, marks=pytest.mark.slow) for way in ("from", "to"))])
@pytest.mark.claim("NET-1")
def test_clients_that_are_refused_come_back(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, way: Way
) -> None:
    """Who is refused loses the connection, and nothing that was acknowledged: the survivor has it, and lets all in."""
    with client.log() as log, client.counter() as counter:
        exchange([log, counter], 5)
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        nemesis.inject(Unplugged(Role.PRIMARY, way, "reject"))
        crowd.work(UNNOTICED_S)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.attempt_failover(Role.SECONDARY, fenced=False, within=HANG_S)
    exchange(client.incoming(), 3)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, acknowledged_explained, counter_monotonic, failover_completed, new_sessions_open, survivors_run)


@pytest.mark.answers(within=5)
@pytest.mark.topology(compare_timeout_ms=20_000)
@pytest.mark.parametrize("blip", [*map(Partition, EVERYTHING), Unplugged("client"), *map(Unplugged, Role)], ids=str)
@pytest.mark.claim("NET-2")
@control(sabotage="hasty-hosts", checker="no_reset", on="drop-all")
def test_a_blip_costs_time_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, blip: Partition | Unplugged
) -> None:
    """A partition that is over before anybody fails over breaks no session, and the pair replicates on."""
    with Crowd([client.echo(), client.log(), client.counter(), client.upload()]) as crowd:
        crowd.let_answer(3)
        nemesis.inject(blip)
        crowd.work(BLIP_S)
        nemesis.heal()
        crowd.let_answer(3)
        with pair.watching(), pair.settling():
            pair.force_checkpoint()
    client.read_back()

    check(*NOTHING_LOST, CheckpointsGoOn(at_least=1, silent=True))


@pytest.mark.claim("NET-2")
def test_a_lost_disk_stream_holds_up_writes_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """While the replica hears nothing the guest's writes wait, until its stream is yanked; all else goes on."""
    with Crowd([client.echo(), client.log()]) as crowd:
        crowd.let_answer(3)
        with pair.watching():
            crowd.let_answer(1)
            nemesis.inject(Partition(Channel.NBD))
            crowd.work(HELD_S)
            pair.vm(Role.PRIMARY).yank({"type": "block-node", "node-name": "nbd0"})
            crowd.let_answer(3)
        nemesis.heal()
        crowd.let_answer(3)
    client.read_back()

    check(*NOTHING_LOST[:-1], SilenceBounded(HELD_S - 0.5), SilenceBounded(10, what="append", held_s=HELD_S - 0.5))


@pytest.mark.answers(within=6)
@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250)
@pytest.mark.parametrize("partition", UNHEARD, ids=str)
@pytest.mark.claim("NET-3")
@control(sabotage="patient-compare", checker="silence_bounded")
def test_an_unheard_secondary_costs_time_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, partition: Partition
) -> None:
    """While the secondary hears or says nothing and nobody does anything, answers come late, and are right."""
    pair.checkpoint()
    with Crowd([client.echo(), client.log(), client.counter()]) as crowd:
        crowd.let_answer(3)
        with pair.watching():
            crowd.let_answer(1)
            nemesis.inject(partition)
            crowd.let_answer(2)
        nemesis.heal()
        crowd.let_answer(2)
    client.read_back()

    check(*NOTHING_LOST, SilenceBounded(3.0, what=None, held_s=0.4), NoForcedCheckpoint(most=12))
