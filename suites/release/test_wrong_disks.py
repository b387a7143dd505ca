"""Disks that are not what the other side takes them for."""

import zlib

import pytest

from colo_harness.colo import start
from colo_harness.colo.disks import write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MonitorLost
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import StatesSeen, Violation, acknowledged_explained
from colo_harness.judge.disks import BlocksHold, disk_answers
from colo_harness.judge.entering import StartRefused
from colo_harness.qemu.disk import BLOCK, SIZE, base_block
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check
from suites.release.mistakes import UNSERVED, attempt, dial, replicate_first, shorten, use

UNTOLD = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0105-a-disk-that-is-not-replicated.md"
)
WRITES = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0106-a-second-client.md")
ABORTS = pytest.mark.xfail(
    strict=True, raises=MonitorLost, reason="finding: docs/findings/0107-a-shorter-disk-aborts-the-primary.md"
)
FIRST, LAST, OTHER = 0, SIZE // BLOCK - 1, 7
STALE = b"stale\n".ljust(BLOCK, b".")
"""What block OTHER holds where a disk is not the other's copy."""
BASE = {number: f"{zlib.crc32(base_block(number)):08x}" for number in (FIRST, OTHER)}
RUNS = StatesSeen({("host_a", "query-status", "after"): {"status": "running", "running": True}})


@UNTOLD
@pytest.mark.topology(guest="tick", disks=2)
@pytest.mark.parametrize("replicated", [0, 1], ids=["no-disk", "one-of-two"])
@pytest.mark.claim("ERR-5")
@control(sabotage="no-second-child", checker="start_refused")
def test_a_start_that_leaves_a_disk_out_is_refused(idle_pair: ColoPair, check: Check, replicated: int) -> None:
    """A pair does not enter COLO, or says what it lacks, where a disk of its guest is not replicated."""
    idle_pair.carry_out(UNSERVED)
    replicate_first(idle_pair, replicated)
    attempt(idle_pair)

    check(StartRefused(""))


@ABORTS
@pytest.mark.topology(guest="tick")
@pytest.mark.claim("ERR-5")
def test_a_shorter_disk_costs_the_primary_nothing(idle_pair: ColoPair, check: Check) -> None:
    """Where all of the secondary's disks are shorter the start is refused, and the primary writes where it likes."""
    idle_pair.carry_out(start.STEPS[:1])
    shorten(idle_pair)
    attempt(idle_pair, *start.STEPS[1:])
    idle_pair.vm(Role.PRIMARY).attempt("cont")
    write_alone(idle_pair, Role.PRIMARY, {LAST: "x"})
    idle_pair.observe("after")

    check(StartRefused(""), RUNS)


@pytest.mark.topology(checkpoint_delay_ms=60_000)
@pytest.mark.parametrize(
    "order", ["read 0 4k", pytest.param("write -P 120 0 4k", marks=WRITES)], ids=["reads", "writes"]
)
@pytest.mark.claim("ERR-6")
@control(sabotage="stale-block", checker="blocks_hold")
def test_a_second_client_changes_nothing(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, order: str
) -> None:
    """What a second client of the secondary's disk does there is not what the promoted guest reads."""
    dial(pair, "nbd9", "parent0")
    use(pair, "nbd9", [order])
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.log().blocks(BASE)

    check(BlocksHold(BASE, readers=1), disk_answers)


@pytest.mark.topology(checkpoint_delay_ms=60_000)
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.claim("ERR-7")
@control(sabotage="no-replication-child", checker="acknowledged_explained")
def test_what_differed_before_stays_so(idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """A block that differed is not noticed and stays as it was; what was written since is on the survivor's disk."""
    idle_pair.carry_out(start.STEPS[:1])
    idle_pair.lab.images.write(idle_pair.files["host_b"].disk, OTHER, STALE)
    attempt(idle_pair, *start.STEPS[1:])
    client.log().exchange(3)
    idle_pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    idle_pair.failover_to(Role.SECONDARY)
    client.log().blocks(BASE)
    client.read_back()

    held = {**BASE, OTHER: f"{zlib.crc32(STALE):08x}"}
    check(BlocksHold(held, readers=1), acknowledged_explained, disk_answers)
