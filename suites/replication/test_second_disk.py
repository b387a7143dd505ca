"""A guest with two disks, each of which is replicated by block nodes of its own."""

import pytest

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import acknowledged_explained
from colo_harness.judge.disks import MarksKept, disk_answers
from colo_harness.judge.turns import disks_alike
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import exchange
from fixtures.claims import control
from fixtures.pair import Check

pytestmark = pytest.mark.topology(disks=2, checkpoint_delay_ms=60_000)
OLD, NEW, LATER = 1000, 1001, 1002


@pytest.mark.parametrize("survivor", [Role.SECONDARY, Role.PRIMARY], ids=str)
@pytest.mark.claim("DISK-8")
@control(sabotage="no-second-child", checker="acknowledged_explained")
def test_records_of_both_disks_are_on_the_survivors(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, survivor: Role
) -> None:
    """Records that were written to both disks before, between and after checkpoints are on both of the survivor's."""
    logs = [client.log(), client.log(disk=1)]
    exchange(logs, 6)
    pair.checkpoint()
    exchange(logs, 4)
    pair.checkpoint()
    exchange(logs, 4)
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    client.read_back()

    check(acknowledged_explained, disk_answers)


@pytest.mark.claim("DISK-8")
@control(sabotage="no-second-child", checker="disks_alike")
@control(sabotage="stale-block", checker="disks_alike")
def test_divergence_on_the_second_disk_is_undone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A checkpoint makes both disks the primary's; what the secondary wrote to the second since then is its own."""
    client.log().exchange(4)
    log = client.log(disk=1)
    log.mark(OLD)
    pair.checkpoint()
    disks.compare(pair, "quiescent")
    log.mark(NEW)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    survivor = client.log(disk=1)
    survivor.mark(LATER)
    survivor.read_slots([OLD, NEW, LATER])

    check(disks_alike, MarksKept(own="B", peer="A", readers=1), disk_answers)
