"""The seven errors that QEMU's document names (docs/block-replication.txt, Failure Handling), each provoked."""

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.graph import Flaw, Place
from colo_harness.blocks.guest import CLUSTER
from colo_harness.judge.blocks import GuestTold, ManagerTold, Obeyed, reads_documented, requests_answered
from colo_harness.judge.judgement import Violation
from fixtures.blocks import in_each_form, in_variants
from fixtures.claims import control
from fixtures.pair import Check

BAD = CLUSTER + 8
"""The sector on which a disk fails, where it is one sector."""
NOISE = ("quorum-report-bad", "quorum-failure", "stderr-nbd", "stderr-block")


def unemptied(place: Place) -> dict[str, object]:
    """Return a design whose buffer cannot be emptied, but at the start."""
    return {"flaw": Flaw(place, event="empty_image_prepare", once=True, second=True)}


with_an_unemptied_buffer = in_variants(active=unemptied("active"), hidden=unemptied("hidden"))
"""Decorator: error 6."""
with_an_error_of_the_secondary = in_variants(
    backup={"flaw": Flaw("hidden", "write", event="write_aio", once=True)}, disk={"flaw": Flaw("parent", "write", BAD)}
)
"""Decorator: errors 3 and 4."""


@in_each_form
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0050-primary-disk-error.md")
@pytest.mark.disks(flaw=Flaw("local", "write", BAD))
@pytest.mark.claim("BLK-6")
def test_an_error_of_the_primarys_disk_is_told_to_its_guest(disks: Disks, check: Check) -> None:
    """Error 1: a write that the primary's own disk refuses fails."""
    disks.allow(*NOISE)
    primary, _ = disks.guests
    primary.write(BAD)

    check(GuestTold("primary"))


@in_each_form
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0050-primary-disk-error.md")
@pytest.mark.disks(flaw=Flaw("local", "write", BAD))
@pytest.mark.claim("BLK-5")
def test_the_primary_reads_back_what_it_was_told_to_have_written(disks: Disks, check: Check) -> None:
    """Whatever its disk refuses: a write that succeeded is there, a flush later too."""
    disks.allow(*NOISE)
    primary, _ = disks.guests
    primary.write(BAD)
    primary.flush()
    primary.read()

    check(reads_documented)


@pytest.mark.disks(flaw=Flaw("active", "write", event="write_aio"))
@pytest.mark.claim("BLK-6")
@control(sabotage="flaw-absent", checker="guest_told")
def test_an_error_of_the_active_disk_is_told_to_the_secondarys_guest(disks: Disks, check: Check) -> None:
    """Error 5: a write that the active disk refuses fails."""
    disks.allow(*NOISE)
    _, secondary = disks.guests
    secondary.write(BAD)
    secondary.read()

    check(GuestTold("secondary"), reads_documented)


@pytest.mark.disks(flaw=Flaw("parent", "read", BAD))
@pytest.mark.claim("BLK-6")
@control(sabotage="flaw-absent", checker="guest_told")
def test_an_error_of_the_secondarys_disk_is_told_to_who_reads_it(disks: Disks, check: Check) -> None:
    """Error 4, in reading: the secondary's guest gets the error, and not a wrong content."""
    disks.allow(*NOISE)
    _, secondary = disks.guests
    secondary.read(BAD)

    check(GuestTold("secondary", "read"))


@in_each_form
@pytest.mark.claim("BLK-7")
@control(sabotage="no-child", checker="manager_told")
def test_a_write_that_cannot_be_forwarded_is_told_to_the_manager(disks: Disks, check: Check) -> None:
    """Error 2: the secondary is dead; the primary's guest notices nothing."""
    disks.allow(*NOISE)
    primary, _ = disks.guests
    disks.lose(disks.secondary)
    primary.write(0, 4)
    primary.read()
    disks.ask_status("after the write")

    check(ManagerTold("primary"), requests_answered, reads_documented)


@in_each_form
@with_an_error_of_the_secondary
@pytest.mark.claim("BLK-7")
@control(sabotage="flaw-absent", checker="manager_told")
def test_a_write_that_the_secondary_cannot_take_is_told_to_the_manager(disks: Disks, check: Check) -> None:
    """Errors 3 and 4: backup or disk fails; neither guest notices anything until the checkpoint."""
    disks.allow(*NOISE)
    primary, _ = disks.guests
    primary.write(BAD, 4)
    disks.look("after the write")

    check(ManagerTold("primary"), requests_answered, reads_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0052-secondary-hears-nothing.md")
@with_an_error_of_the_secondary
@in_each_form
@pytest.mark.claim("BLK-8")
def test_no_checkpoint_is_made_over_an_error_of_the_secondary(disks: Disks, check: Check) -> None:
    """Errors 3 and 4: the secondary's own status tells of them, or it refuses the checkpoint."""
    disks.allow(*NOISE)
    primary, _ = disks.guests
    primary.write(BAD, 4)
    disks.ask_status("before the checkpoint")
    disks.tell(disks.secondary, "xen-colo-do-checkpoint", refusing=True)

    check(ManagerTold("secondary"))


@with_an_unemptied_buffer
@pytest.mark.claim("BLK-8")
@control(sabotage="flaw-absent", checker="manager_told")
def test_a_buffer_that_cannot_be_emptied_is_told_to_the_manager(disks: Disks, check: Check) -> None:
    """Error 6: the checkpoint is refused."""
    disks.allow(*NOISE)
    primary, secondary = disks.guests
    primary.write(0, 4)
    secondary.write(CLUSTER, 4)
    disks.tell(disks.secondary, "xen-colo-do-checkpoint", refusing=True)

    check(ManagerTold("secondary", by=("refusal",)))


@with_an_unemptied_buffer
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0053-failover-crashes.md")
@pytest.mark.claim("BLK-9")
def test_a_secondary_outlives_a_buffer_that_could_not_be_emptied(disks: Disks, check: Check) -> None:
    """Error 6: the failover that the manager then decides upon is done or refused, and so is the end."""
    disks.allow(*NOISE)
    disks.tell(disks.secondary, "xen-colo-do-checkpoint", refusing=True)
    disks.part()
    if disks.tell(disks.secondary, "xen-set-replication", refusing=True, enable=False, primary=False, failover=True):
        disks.await_commit()
        disks.quit(disks.secondary)

    check(ManagerTold("secondary"))


@pytest.mark.disks(flaw=Flaw("parent", "write", BAD))
@pytest.mark.claim("BLK-9")
@control(sabotage="flaw-absent", checker="manager_told")
def test_a_failover_that_fails_loses_nothing(disks: Disks, check: Check) -> None:
    """Error 7: the buffers cannot be committed: the manager is told, the guest goes on and reads what is due."""
    disks.allow(*NOISE)
    primary, secondary = disks.guests
    primary.write(0, 4)
    disks.checkpoint()
    primary.write(2, 4)
    secondary.write(4, 4)
    secondary.write(BAD, 4)
    disks.lose(disks.primary)
    disks.promote()
    disks.await_commit()
    disks.ask_status("after the failover")
    _, secondary = disks.guests
    secondary.read()
    secondary.write(BAD + 2, 4)
    secondary.write(3 * CLUSTER - 2, 4)
    secondary.write(0)
    secondary.read()

    check(ManagerTold("secondary", by=("status",)), requests_answered, reads_documented)


@in_each_form
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0051-stop-refused.md")
@pytest.mark.claim("BLK-12")
@control(sabotage="start-untold", checker="obeyed")
def test_replication_can_be_stopped_without_failover(disks: Disks, check: Check) -> None:
    """Both sides obey, as they do when they have nothing to do."""
    primary, secondary = disks.guests
    primary.write(0, 4)
    secondary.write(2, 4)
    for side in (disks.secondary, disks.primary):
        disks.tell(side, "xen-set-replication", refusing=True, enable=False, primary=side is disks.primary)

    check(Obeyed("xen-set-replication"))
