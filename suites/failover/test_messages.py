"""Every fault at every part of a checkpoint."""

from itertools import product

import pytest

from colo_harness.colo.message import TRANSACTION, Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Fault
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.stream import Flip, Sever, Slow, Stall
from colo_harness.judge import (
    StallBelow,
    Violation,
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
from colo_harness.judge.transaction import FellBefore, Recovered
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.session import Session
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

LOST = [
    *((Kill(lost), lost.peer, f"kill-{lost}") for lost in Role),
    *((Freeze(lost), lost.peer, f"freeze-{lost}") for lost in Role),
    *((fault, left, f"{fault}-leaving-{left}") for fault in (Sever(), Stall()) for left in Role),
]
"""A fault, who carries on after it, and both in words."""
FALLS = [
    pytest.param(fault, left, part, id=f"{name}-{part}", marks=pytest.mark.slow if (row + column) % 2 else [])
    for row, (fault, left, name) in enumerate(LOST)
    for column, part in enumerate(TRANSACTION)
]
"""Every fault at every message; of its two sides each has every other message by default."""
NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (
    failover_completed,
    never_both_answer,
    StallBelow(margin_s=2.5),
    new_sessions_open,
    sessions_go_on,
    survivors_run,
)
LOADED = (Message.VMSTATE_RECEIVED, Message.VMSTATE_LOADED)
"""While these are on their way the secondary's guest is the primary's already."""
pytestmark = [pytest.mark.matrix, PLAIN_TCP]


def open_for(client: Client, left: Role, part: Message) -> list[Session]:
    """Open one session of each kind; none with data under way where finding 23 would take them for received."""
    return client.asked() if left is Role.SECONDARY and part in LOADED else client.incoming()


@pytest.mark.answers(within=6)
@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize(("fault", "left", "part"), FALLS)
@pytest.mark.claim("STEP-1")
@pytest.mark.regression("d4555dd5146a")
@pytest.mark.regression("773861274a")
@pytest.mark.regression("Relaunch failover even if there was an error")
@control(sabotage="no-promotion", checker="survivors_run", on="kill-secondary-vmstate-loaded")
@control(sabotage="no-replication-child", checker="acknowledged_explained", on="kill-primary-vmstate-received")
def test_a_fault_at_any_message(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: Fault, left: Role, part: Message
) -> None:
    """Busy sessions outlive whatever falls while any message of a checkpoint is on its way, and nothing is lost."""
    with Crowd(open_for(client, left, part)) as crowd:
        crowd.let_answer(5)
        pair.hold(part)
        nemesis.inject(fault)
        pair.attempt_failover(left)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(FellBefore(part.value), *NOTHING_LOST, *GOES_ON)


SIZE_ABORTS = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0060-a-size-aborts-the-secondary.md"
)
OFFSETS = {Message.VMSTATE_SIZE: (3, 4, 11), Message.RAM: (0, 12, 13), Message.DEVICE_STATE: (0, 8)}
"""The bytes of a part that are changed one by one, where it is not only the number of a message: of a size its highest
and lowest one besides; of RAM the kind of its section, and the flags and the block of its first page; of the device
state the kind and the name of its first section."""
FLIPS = [Flip(part, offset) for part in TRANSACTION for offset in OFFSETS.get(part, (3,))]
ABORTS = Flip(Message.VMSTATE_SIZE, 4)
UNLOADABLE = (ABORTS, Flip(Message.VMSTATE_SIZE, 11), Flip(Message.DEVICE_STATE, 0), Flip(Message.DEVICE_STATE, 8))
"""The secondary has said VMSTATE_RECEIVED before it refuses these: it has no guest any more, and the primary has."""
CHANGED = [
    *(pytest.param(flip, Role.PRIMARY, marks=[SIZE_ABORTS] if flip == ABORTS else []) for flip in FLIPS),
    *(pytest.param(flip, Role.SECONDARY, marks=pytest.mark.slow) for flip in FLIPS if flip not in UNLOADABLE),
]


@pytest.mark.answers(within=6)
@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize(("flip", "left"), CHANGED, ids=str)
@pytest.mark.claim("STEP-2")
@pytest.mark.regression("damaged checkpoint")
@pytest.mark.regression("loadvm sets its error twice")
@control(sabotage="no-promotion", checker="survivors_run", on="flip-vmstate-send-3-primary")
def test_a_byte_that_arrives_changed(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, flip: Flip, left: Role
) -> None:
    """No QEMU dies of a byte that arrives changed; who has a whole guest carries on, and nothing is lost."""
    with Crowd(open_for(client, left, flip.part)) as crowd:
        crowd.let_answer(5)
        pair.hold(flip.part)
        nemesis.inject(flip)
        pair.attempt_failover(left)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(FellBefore(flip.part.value), *NOTHING_LOST, *GOES_ON)


SLOWED = Slow(2_000_000)
DELAYED = [
    (Stall(), Message.CHECKPOINT_REPLY),
    (Stall(), Message.RAM),
    (Stall(), Message.VMSTATE_RECEIVED),
    (SLOWED, Message.CHECKPOINT_REQUEST),
]
EVERY_OTHER = [
    pytest.param(*case, marks=pytest.mark.slow)
    for case in product((Stall(), SLOWED), TRANSACTION)
    if case not in DELAYED
]


@pytest.mark.answers(within=10)
@pytest.mark.topology(relayed=True, checkpoint_delay_ms=500)
@pytest.mark.parametrize(("delay", "part"), [*DELAYED, *EVERY_OTHER], ids=str)
@pytest.mark.claim("STEP-3")
@control(sabotage="lost-stream", checker="recovered")
def test_a_stream_that_is_held_up(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, delay: Stall | Slow, part: Message
) -> None:
    """A stream that stalls for a while or is slow ends nothing: when it is sound again checkpoints follow as before."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        pair.hold(part)
        nemesis.inject(delay)
        pair.let_checkpoints_come(1)
        nemesis.heal()
        with pair.watching():
            pair.let_checkpoints_come(3)
        crowd.let_answer(5)

    check(FellBefore(part.value), exercised, no_reset, nothing_lost, Recovered(checkpoints=2))
