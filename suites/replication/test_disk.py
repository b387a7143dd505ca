"""What is on the survivor's disk."""

import zlib

import pytest

from colo_harness.colo.disks import Image, write_alone
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import Held, Idle, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.acknowledged import acknowledged_explained
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.disks import BlocksHold, MarksKept, disk_answers
from colo_harness.qemu.disk import BASE_BLOCKS, BLOCK, SIZE, base_block
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

pytestmark = pytest.mark.topology(checkpoint_delay_ms=60_000)

LAST = SIZE // BLOCK - 1
OLD, NEW, LATER = 1000, 1001, 1002
MOMENTS: tuple[Moment, ...] = (
    Idle(),
    Held("before-transfer", Message.CHECKPOINT_REPLY, FellAt("before")),
    Held("after-commit", Message.VMSTATE_LOADED, FellAt("after")),
)
"""At the moment in between the secondary may have taken over what the primary does not know to be received."""
BASE = {number: f"{zlib.crc32(base_block(number)):08x}" for number in range(BASE_BLOCKS)}


def crc32_of(letter: str) -> str:
    """Return the CRC-32 of a block full of `letter`."""
    return f"{zlib.crc32(letter.encode() * BLOCK):08x}"


DIVERGED = {
    **BASE,
    32: crc32_of("p"),
    33: crc32_of("\0"),
    64: crc32_of("p"),
    81: crc32_of("t"),
    82: crc32_of("\0"),
    112: crc32_of("p"),
}
"""What is due after the writes of the last test: 16 blocks, from a multiple of 16 on, share an image's cluster."""


@pytest.mark.claim("DISK-1")
@control(sabotage="stale-block", checker="blocks_hold")
def test_old_content_is_there_after_promotion(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Every block that was written before the pair was formed reads the same after promotion, and so do empty ones."""
    expected = {**BASE, BASE_BLOCKS: crc32_of("\0"), LAST: crc32_of("\0")}
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.log().blocks(expected)
    Image(pair, Role.PRIMARY).blocks(expected)

    check(BlocksHold(expected), disk_answers)


@pytest.mark.parametrize("survivor", [Role.SECONDARY, Role.PRIMARY], ids=str)
@pytest.mark.claim("DISK-2")
@control(sabotage="no-replication-child", checker="acknowledged_explained")
def test_acknowledged_records_are_on_the_survivors_disk(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, survivor: Role
) -> None:
    """Records written before, between and after checkpoints are on the survivor's disk, the last text of each slot."""
    log = client.log()
    log.exchange(12)
    pair.checkpoint()
    log.exchange(4)
    log.rewrite([0, 1, 2])
    pair.checkpoint()
    log.exchange(4)
    log.rewrite([2, 3, 12])
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    new = client.log()
    new.exchange(4)
    new.read_back(log, new)
    Image(pair, Role.PRIMARY).read([*log.taken, *new.taken])

    check(acknowledged_explained, disk_answers)


@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
@pytest.mark.claim("DISK-3")
@control(sabotage="discarded-buffers", checker="marks_kept")
@control(sabotage="no-replication-child", checker="marks_kept")
def test_own_writes_since_the_last_checkpoint_stay(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment
) -> None:
    """The promoted guest reads its own writes since the last checkpoint, and the primary's from before."""
    log = client.log()
    log.mark(OLD)
    pair.checkpoint()
    log.mark(NEW)
    with moment.reached(pair, client):
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
    survivor = client.log()
    survivor.mark(LATER)
    survivor.read_slots([OLD, NEW, LATER])
    Image(pair, Role.PRIMARY).read([OLD, NEW, LATER])

    check(MarksKept(own="B", peer="A"), disk_answers, moment.proof)


@pytest.mark.claim("DISK-3")
@control(sabotage="discarded-buffers", checker="blocks_hold")
@control(sabotage="no-replication-child", checker="blocks_hold")
def test_the_dead_primarys_writes_since_the_last_checkpoint_are_gone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """After promotion the disk is the primary's of the last checkpoint, with what the secondary wrote since."""
    write_alone(pair, Role.PRIMARY, {32: "p", 33: "\0", 64: "p", 112: "p"})
    write_alone(pair, Role.SECONDARY, {80: "s", 112: "s"})
    pair.checkpoint()
    write_alone(pair, Role.PRIMARY, {32: "q", 34: "q", 35: "\0", 96: "q"})
    write_alone(pair, Role.SECONDARY, {81: "t", 82: "\0"})
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.log().blocks(DIVERGED)
    Image(pair, Role.PRIMARY).blocks(DIVERGED)

    check(BlocksHold(DIVERGED), disk_answers)
