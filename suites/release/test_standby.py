"""A secondary that does not run: block replication alone, for FT/HA where the secondary VM is not running."""

import pytest

from colo_harness.colo import standby
from colo_harness.colo.disks import Image, write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.disks import BlocksHold
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from suites.release.contents import full_of

DUE = full_of({32: "p", 33: "p", 96: "\0", 112: "p"})
"""The disk of the last checkpoint."""


@on_each_accelerator
@pytest.mark.topology(guest="tick", standby=True)
@pytest.mark.claim("VAR-11")
@control(sabotage="no-replication-child", checker="blocks_hold")
def test_a_secondary_that_does_not_run_has_the_disk_of_the_checkpoint(
    idle_pair: ColoPair, nemesis: Nemesis, check: Check
) -> None:
    """Promoted, it has what the primary had on its disk at the last checkpoint, and nothing of what came later."""
    standby.replicate(idle_pair)
    write_alone(idle_pair, Role.PRIMARY, {32: "p", 33: "p", 112: "p"})
    standby.checkpoint(idle_pair)
    write_alone(idle_pair, Role.PRIMARY, {32: "q", 96: "q"})
    nemesis.inject(Kill(Role.PRIMARY))
    standby.promote(idle_pair)
    Image(idle_pair, Role.SECONDARY).blocks(DUE)

    check(BlocksHold(DUE, readers=1))
