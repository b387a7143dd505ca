"""The primary's disk beside a secondary that is dead, hangs, or holds something else."""

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.guest import CLUSTER
from colo_harness.judge.blocks import Obeyed, reads_documented, requests_answered
from fixtures.blocks import in_each_form
from fixtures.claims import control
from fixtures.pair import Check


@in_each_form
@pytest.mark.claim("BLK-5")
@control(sabotage="remote-first", checker="reads_documented")
def test_the_primary_reads_its_own_disk(disks: Disks, check: Check) -> None:
    """Also where the secondary's disk holds something else in that place."""
    primary, _ = disks.guests
    primary.write(0, 4)
    disks.write_behind(2, 4)
    primary.read()
    disks.checkpoint()
    primary.read()

    check(reads_documented, requests_answered)


@in_each_form
@pytest.mark.claim("BLK-10")
@control(sabotage="child-kept", checker="symptoms_declared")
def test_a_primary_goes_on_without_a_dead_secondary(disks: Disks, check: Check) -> None:
    """Once the dead child is removed, requests succeed and none of them fails anywhere."""
    primary, _ = disks.guests
    primary.write(0, 4)
    disks.checkpoint()
    disks.lose(disks.secondary)
    disks.detach()
    for sector in range(8):
        primary.write(sector * CLUSTER, 4)
    primary.flush()
    primary.read()
    disks.take_down()
    disks.read_images("local")

    check(reads_documented, requests_answered)


@in_each_form
@pytest.mark.claim("BLK-10")
def test_a_primary_goes_on_without_a_hanging_secondary(disks: Disks, check: Check) -> None:
    """A write that waits for it succeeds when the connection is yanked; after the removal none waits."""
    disks.allow("quorum-report-bad")
    primary, _ = disks.guests
    primary.write(0, 4)
    disks.lose(disks.secondary, hang=True)
    primary.begin_write(2, 4)
    disks.yank()
    primary.end()
    disks.detach()
    primary.write(CLUSTER, 4)
    primary.flush()
    primary.read()

    check(reads_documented, requests_answered)


@in_each_form
@pytest.mark.claim("BLK-11")
@control(sabotage="buffers-dropped", checker="reads_documented")
def test_a_promoted_secondary_ignores_what_replication_is_told(disks: Disks, check: Check) -> None:
    """A start, a checkpoint and another failover are obeyed, and change nothing on its disk."""
    primary, secondary = disks.guests
    primary.write(0, 4)
    disks.checkpoint()
    primary.write(0, 4)
    secondary.write(2, 4)
    disks.lose(disks.primary)
    disks.promote()
    disks.await_commit()
    _, secondary = disks.guests
    for primary_role in (False, True):
        disks.tell(disks.secondary, "xen-set-replication", refusing=True, enable=True, primary=primary_role)
    disks.tell(disks.secondary, "xen-colo-do-checkpoint", refusing=True)
    disks.tell(disks.secondary, "xen-set-replication", refusing=True, enable=False, primary=False, failover=True)
    secondary.write(CLUSTER, 4)
    secondary.read()
    disks.take_down()
    disks.read_images("parent")

    check(Obeyed("xen-set-replication"), Obeyed("xen-colo-do-checkpoint"), reads_documented, requests_answered)
