"""What both sides read, and what each image alone holds, on disks without a guest."""

import random

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.guest import CLUSTER, SECTORS
from colo_harness.judge.blocks import BuffersEmpty, reads_documented, requests_answered
from fixtures.blocks import in_each_form
from fixtures.claims import control
from fixtures.pair import Check

LAST = SECTORS - 1


@pytest.mark.smoke
@in_each_form
@pytest.mark.claim("BLK-1")
@control(sabotage="no-buffers", checker="reads_documented")
@control(sabotage="no-child", checker="reads_documented")
@control(sabotage="checkpoint-untold", checker="reads_documented")
@control(sabotage="stale-sector", checker="reads_documented")
def test_the_primarys_writes_show_after_the_checkpoint(disks: Disks, check: Check) -> None:
    """Whole clusters, parts of one and single sectors, first and second writes, zeros, the last sector."""
    primary, _ = disks.guests
    for _ in range(2):
        primary.write(0, 2 * CLUSTER)
        primary.write(3 * CLUSTER - 1, 3)
        primary.write(4 * CLUSTER + 7)
        primary.zero(5 * CLUSTER, 8)
        primary.write(LAST)
        primary.flush()
        disks.look("before the checkpoint")
        primary.write(0, 4)
        disks.checkpoint()
        disks.look("after the checkpoint")

    check(reads_documented, requests_answered)


@pytest.mark.claim("BLK-2")
@control(sabotage="no-buffers", checker="reads_documented")
@control(sabotage="checkpoint-untold", checker="reads_documented")
def test_the_secondarys_writes_stay_its_own_until_the_checkpoint(disks: Disks, check: Check) -> None:
    """It reads them beside the primary's of before; its disk alone never holds one."""
    primary, secondary = disks.guests
    for _ in range(2):
        secondary.write(CLUSTER - 1, 2)
        primary.write(CLUSTER - 2, 4)
        primary.write(2 * CLUSTER, CLUSTER)
        secondary.write(2 * CLUSTER + 5)
        secondary.zero(2 * CLUSTER + 6)
        secondary.flush()
        disks.look("before the checkpoint")
        disks.checkpoint()
        disks.look("after the checkpoint")
    secondary.write(3 * CLUSTER, 9)
    disks.take_down()
    disks.read_images()

    check(reads_documented, requests_answered)


@in_each_form
@pytest.mark.claim("BLK-4")
@control(sabotage="buffers-dropped", checker="reads_documented")
def test_a_survivors_disk_is_the_last_checkpoint_and_its_own_writes(disks: Disks, check: Check) -> None:
    """Also where both have written since, and where the survivor writes before the commit has ended."""
    primary, secondary = disks.guests
    primary.write(0, 3 * CLUSTER)
    secondary.write(CLUSTER, 4)
    disks.checkpoint()
    primary.write(0, 4)
    primary.write(2 * CLUSTER - 2, 4)
    secondary.write(2, 4)
    secondary.write(4 * CLUSTER - 1, 2)
    secondary.zero(CLUSTER + 1)
    disks.lose(disks.primary)
    disks.promote()
    _, secondary = disks.guests
    secondary.write(2 * CLUSTER, 2)
    secondary.read()
    disks.await_commit()
    secondary.write(5 * CLUSTER, 2)
    secondary.read()
    secondary.flush()
    disks.ask_status("in the end")
    disks.take_down()
    disks.read_images("parent")

    check(reads_documented, requests_answered)


@pytest.mark.disks(buffers="dirty")
@pytest.mark.claim("BLK-3")
@control(sabotage="checkpoint-untold", checker="buffers_empty")
def test_buffers_are_empty_after_a_checkpoint(disks: Disks, check: Check) -> None:
    """Active and hidden disk hold nothing then, and what they held before the start is not seen."""
    primary, secondary = disks.guests
    disks.look("after the start")
    primary.write(0, CLUSTER)
    secondary.write(CLUSTER, 2 * CLUSTER)
    disks.checkpoint()
    disks.look("after the checkpoint")
    secondary.flush()
    disks.lose(disks.secondary)
    disks.weigh_buffers("after the checkpoint")

    check(BuffersEmpty(), reads_documented, requests_answered)


@in_each_form
@pytest.mark.claim("BLK-1")
@pytest.mark.claim("BLK-2")
@control(sabotage="no-buffers", checker="reads_documented")
def test_what_both_sides_do_at_once_does_not_mix(disks: Disks, check: Check) -> None:
    """While the primary writes, also to the same cluster, what the secondary reads is of the last checkpoint."""
    primary, secondary = disks.guests
    rng = random.Random(disks.design.form)  # noqa: S311 - places, no secrets
    for _ in range(4):
        secondary.write(rng.randrange(CLUSTER), 5)
        for _ in range(12):
            primary.begin_write(rng.randrange(2 * CLUSTER), rng.randrange(1, 40))
            secondary.read(0, 2 * CLUSTER)
            secondary.begin_write(rng.randrange(2 * CLUSTER), 3)
            primary.end()
            secondary.end()
        disks.checkpoint()
        disks.look("after the checkpoint")

    check(reads_documented, requests_answered)
