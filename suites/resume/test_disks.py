"""What is on the disk of a secondary that joined later."""

import pytest

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import acknowledged_explained
from colo_harness.judge.disks import disk_answers
from colo_harness.judge.resuming import DisksEqual
from colo_harness.qemu.disk import LAST_SLOT
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import exchange
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.topology(checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("RES-2")
@control(sabotage="short-resync", checker="disks_equal")
@control(sabotage="early-resync", checker="acknowledged_explained")
def test_a_resync_copies_all(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """Records written before the resync and while it runs are on both disks, and on the survivor's after a loss."""
    log = client.log()
    log.exchange(8)
    pair.checkpoint()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    log.rewrite([0, 1, LAST_SLOT])
    with pair.resuming():
        log.rewrite([1, 2, 100])
    disks.compare(pair, "resynced")
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.log().read_back(log)
    disks.Image(pair, Role.PRIMARY).read(log.taken)

    check(DisksEqual(1), acknowledged_explained, disk_answers)


@pytest.mark.topology(disks=2, checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("lost", [Role.PRIMARY, pytest.param(Role.SECONDARY, marks=pytest.mark.slow)], ids=str)
@pytest.mark.claim("RES-2")
@control(sabotage="short-resync", checker="disks_equal")
def test_a_resync_copies_both_disks(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """Of two disks each is copied, before and while the guest writes to both, and each survives the next loss."""
    logs = [client.log(), client.log(disk=1)]
    exchange(logs, 4)
    pair.checkpoint()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    logs[1].rewrite([LAST_SLOT])
    with pair.resuming():
        exchange(logs, 3)
    disks.compare(pair, "resynced")
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.read_back()

    check(DisksEqual(2), acknowledged_explained, disk_answers)
