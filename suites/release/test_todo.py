"""The TODO list of the document of 2016.

Continuous replication is the area resume's, and VAR-9's; the heartbeat has HB-1 to HB-4.
"""

import pytest

from colo_harness.colo import procedure, start
from colo_harness.colo.pair import ColoPair
from colo_harness.judge import StatesSeen
from colo_harness.judge.pausing import PausesSteady
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.refusals import EachRefused
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

UNKNOWN = "Parameter 'shared-disk' is unexpected"
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=100)


@on_each_accelerator
@pytest.mark.claim("VAR-12")
@control(sabotage="tired-stream", checker="pauses_steady")
def test_checkpoints_stop_the_guest_no_longer_later_on(pair: ColoPair, check: Check) -> None:
    """Each side stands still for no longer in the 20th checkpoint than in the first ones."""
    with pair.watching():
        pair.let_checkpoints_come(4)
    pair.let_checkpoints_come(12)
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(3, silent=True), PausesSteady())


@pytest.mark.claim("VAR-13")
@control(sabotage="unlocked-images", checker="each_refused")
def test_a_shared_disk_is_refused(idle_pair: ColoPair, check: Check) -> None:
    """A disk that is the primary's own is not exported, an option to share one is not known, and the guest runs on."""
    idle_pair.carry_out([start.prepare_disks, share_disk, *start.STEPS[1:-2]])
    primary, secondary = idle_pair.vms
    procedure.open_server(secondary)
    secondary.attempt("nbd-server-add", {"device": "parent0", "writable": True})
    primary.attempt("blockdev-add", {"driver": "replication", "mode": "primary", "file": "x", "shared-disk": True})
    procedure.let_guest_run(primary)
    idle_pair.observe("after")

    running = StatesSeen({("host_a", "query-status", "after"): {"status": "running"}})
    check(EachRefused("nbd-server-add", ("",)), EachRefused("blockdev-add", (UNKNOWN,)), running)


def share_disk(pair: ColoPair) -> None:
    """Let the secondary's disk be the primary's."""
    shared = pair.files["host_b"].disk
    shared.unlink()
    shared.symlink_to(pair.files["host_a"].disk)
