"""A disk of a running pair that refuses writes, or is full."""

import pytest

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.disk import DiskError, RamDiskFull
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    Violation,
    acknowledged_explained,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.resuming import DisksEqual
from colo_harness.qemu.disk import BLOCK, FIRST_SLOT, SIZE
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

ABORTS = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0076-stopped-guest-aborts.md")
MASKED = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0050-primary-disk-error.md")
UNHEARD = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0052-secondary-hears-nothing.md"
)
OF_THE_SECONDARY = [
    DiskError("parent", "EIO"),
    DiskError("hidden", "EIO"),
    DiskError("active", "EIO"),
    pytest.param(DiskError("parent", "ENOSPC"), marks=ABORTS),
    pytest.param(DiskError("hidden", "ENOSPC"), marks=ABORTS),
    pytest.param(DiskError("active", "ENOSPC"), marks=ABORTS),
    pytest.param(RamDiskFull(), marks=[ABORTS, pytest.mark.topology(ram_disk_mib=1)]),
]
LAST = SIZE // BLOCK - FIRST_SLOT - 1
"""The slot of the disk's last block."""
NOTHING_LOST = (no_reset, nothing_lost, acknowledged_explained)
pytestmark = [
    pytest.mark.matrix,
    PLAIN_TCP,
    pytest.mark.answers(within=6),
    pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250),
]


@pytest.mark.parametrize("fault", OF_THE_SECONDARY, ids=str)
@pytest.mark.claim("DISK-5")
@control(sabotage="no-promotion", checker="no_reset")
def test_a_disk_of_the_secondary_fails(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: DiskError | RamDiskFull
) -> None:
    """A manager is told, neither QEMU ends by it, and the primary carries on alone with all sessions, nothing lost."""
    with Crowd([client.log(), client.echo()]) as crowd:
        crowd.let_answer(3)
        nemesis.inject(fault)
        crowd.work(1.5)
        pair.attempt_failover(Role.PRIMARY)
        crowd.let_answer(3)
    client.read_back()
    pair.observe_survivor("after")

    check(sessions_go_on, survivors_run, *NOTHING_LOST)


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        pytest.param(DiskError("primary", "EIO"), Role.PRIMARY, id="primary-eio-lost"),
        pytest.param(DiskError("primary", "ENOSPC"), Role.PRIMARY, id="primary-enospc-lost"),
        pytest.param(DiskError("primary", "EIO"), Role.SECONDARY, id="primary-eio-survives", marks=MASKED),
        pytest.param(DiskError("parent", "EIO"), Role.PRIMARY, id="parent-eio-survives", marks=UNHEARD),
    ],
)
@pytest.mark.claim("DISK-6")
@control(sabotage="no-replication-child", checker="acknowledged_explained")
def test_what_is_acknowledged_meanwhile_is_kept(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: DiskError, lost: Role
) -> None:
    """Records that are acknowledged while a disk fails are on that of whichever side carries on."""
    log = client.log()
    log.exchange(3)
    nemesis.inject(fault)
    log.exchange(3)
    nemesis.heal()
    pair.checkpoint()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    client.read_back()

    check(acknowledged_explained)


@pytest.mark.parametrize("fault", [DiskError("primary", "EIO"), DiskError("parent", "EIO")], ids=str)
@pytest.mark.claim("DISK-7")
@control(sabotage="short-resync", checker="disks_equal")
def test_a_healed_disk_is_resumed_over(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: DiskError
) -> None:
    """What the disk missed does not matter: the resync after its side is lost makes it the survivor's again."""
    log = client.log()
    log.rewrite([0, LAST])
    nemesis.inject(fault)
    log.exchange(3)
    nemesis.heal()
    nemesis.inject(Kill(fault.role))
    pair.failover_to(fault.role.peer)
    pair.resume()
    disks.compare(pair, "resynced")

    check(DisksEqual(1))
