"""Buffers in memory, as both documents advise: it is better to put active disk and hidden disk in ramdisk."""

import pytest

from colo_harness.colo.disks import Image, write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.disks import BlocksHold
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from suites.release.contents import full_of

DUE = full_of({32: "p", 80: "\0", 81: "t", 96: "\0", 112: "p"})
"""What the first survivor's disk holds, and is copied to the second one's."""


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000, ram_disk_mib=16)
@pytest.mark.claim("VAR-8")
@control(sabotage="discarded-buffers", checker="blocks_hold")
@control(sabotage="no-replication-child", checker="blocks_hold")
def test_buffers_on_a_tmpfs_are_committed(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """A survivor has what the last checkpoint had and its own writes since, and its new secondary has them too."""
    write_alone(pair, Role.PRIMARY, {32: "p", 112: "p"})
    write_alone(pair, Role.SECONDARY, {80: "s", 112: "s"})
    pair.checkpoint()
    write_alone(pair, Role.PRIMARY, {32: "q", 96: "q"})
    write_alone(pair, Role.SECONDARY, {81: "t"})
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    pair.resume()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    Image(pair, Role.PRIMARY).blocks(DUE)

    check(BlocksHold(DUE, readers=1))
