"""What is done in the wrong order, or with the wrong argument: QEMU refuses it, says why, and serves on."""

import pytest

from colo_harness.colo import start
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MonitorLost
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import StatesSeen, Violation
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.refusals import EachRefused
from colo_harness.qemu import disk
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import Channel, Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from suites.release.mistakes import Mistake, Promised, dial, make, refused
from suites.release.survivors import alone

LOST, SET = "x-colo-lost-heartbeat", "migrate-set-capabilities"
IN_PROGRESS = "There's a migration process in progress"
NO_POSTCOPY = "Enable postcopy with migrate_set_capability before the start of migration"
OUTSIDE = Promised("answers", "lost-heartbeat")
CHANGES = {"x-colo": False, "return-path": False, "postcopy-ram": True, "background-snapshot": True, "multifd": True}
GO_ON = CheckpointsGoOn(at_least=1)
NOWHERE = {"uri": "tcp:127.0.0.1:9"}
AGAIN = {"parent": "colo-disk0", "node": "nbd0"}
SERVER = {"addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": Channel.NBD}}}
LETS_IT_CHANGE = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0098-the-secondary-lets-capabilities-change.md"
)
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=300)


def changes(side: Role) -> list[Mistake]:
    """Return what would change each of the capabilities."""
    return [
        Mistake(side, SET, Promised("in_colo", "capability"), {"capabilities": [{"capability": name, "state": state}]})
        for name, state in CHANGES.items()
    ]


TOO_EARLY = [Mistake(side, LOST, OUTSIDE) for side in Role]
CAPABILITIES = changes(Role.PRIMARY)
MIGRATIONS = [
    *(Mistake(side, "migrate-incoming", Promised("in_colo", f"incoming-of-{side}"), NOWHERE) for side in Role),
    *(Mistake(side, "migrate-start-postcopy", NO_POSTCOPY) for side in Role),
    Mistake(Role.PRIMARY, "migrate", Promised("in_colo", "second-migration"), NOWHERE),
]
DISKS = [
    Mistake(Role.PRIMARY, "x-blockdev-change", Promised("in_colo", "child-twice"), AGAIN),
    Mistake(Role.PRIMARY, "blockdev-del", Promised("in_colo", "child-in-use"), {"node-name": "nbd0"}),
    Mistake(Role.SECONDARY, "nbd-server-start", Promised("in_colo", "second-server"), SERVER),
    Mistake(Role.SECONDARY, "nbd-server-add", Promised("in_colo", "second-export"), {"device": "parent0"}),
    Mistake(Role.SECONDARY, "nbd-server-remove", "export 'parent0' still in use", {"name": "parent0"}),
    Mistake(Role.SECONDARY, "xen-set-replication", "running or done", {"enable": True, "primary": False}),
]


@on_each_accelerator
@pytest.mark.claim("ERR-1")
def test_a_loss_told_before_colo_is_refused(idle_pair: ColoPair, promises: Promises, check: Check) -> None:
    """Either side refuses to hear of a lost peer before it is in COLO, and enters it all the same."""
    idle_pair.approach()
    make(idle_pair, TOO_EARLY)
    idle_pair.enter()
    with idle_pair.watching():
        idle_pair.let_checkpoints_come(2)

    check(*refused(TOO_EARLY, promises), GO_ON)


@on_each_accelerator
@pytest.mark.claim("ERR-4")
@control(sabotage="lost-stream", checker="checkpoints_go_on")
def test_a_disk_that_is_not_exported_yet_is_refused(idle_pair: ColoPair, check: Check) -> None:
    """The primary does not attach it, says why, and does so once it is exported."""
    idle_pair.carry_out(start.STEPS[:-2])
    dial(idle_pair, "nbd0", "parent0")
    idle_pair.carry_out(start.STEPS[-2:])
    idle_pair.enter()
    with idle_pair.watching():
        idle_pair.let_checkpoints_come(2)

    check(EachRefused("blockdev-add", ("Connection refused",)), GO_ON)


@on_each_accelerator
@pytest.mark.regression("f018eb62b2")
@pytest.mark.claim("ERR-2")
@control(sabotage="lost-stream", checker="checkpoints_go_on")
def test_capabilities_cannot_be_changed_in_colo_by_the_primary(
    pair: ColoPair, promises: Promises, check: Check
) -> None:
    """Not one of them, and checkpoints go on."""
    make(pair, CAPABILITIES)
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(*refused(CAPABILITIES, promises), GO_ON)


@on_each_accelerator
@pytest.mark.regression("f018eb62b2")
@pytest.mark.claim("ERR-3")
@control(sabotage="lost-stream", checker="checkpoints_go_on")
def test_another_migration_is_refused(pair: ColoPair, promises: Promises, check: Check) -> None:
    """In COLO neither side listens for one, the primary begins none and has no postcopy; checkpoints go on."""
    make(pair, MIGRATIONS)
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(*refused(MIGRATIONS, promises), GO_ON)


@on_each_accelerator
@pytest.mark.claim("ERR-4")
def test_disks_stay_exported_and_attached(pair: ColoPair, promises: Promises, check: Check) -> None:
    """In COLO nothing is exported, attached, started or taken away a second time, and checkpoints go on."""
    make(pair, DISKS)
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(*refused(DISKS, promises), GO_ON)


@pytest.mark.claim("ERR-4")
def test_an_export_that_is_not_there_is_refused(pair: ColoPair, check: Check) -> None:
    """The primary attaches no such disk, and says why; checkpoints go on."""
    dial(pair, "nbd9", "parent9")
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(EachRefused("blockdev-add", ("Requested export not available",)), GO_ON)


@pytest.mark.claim("ERR-11")
@control(sabotage="lost-stream", checker="checkpoints_go_on")
def test_a_secondary_that_is_to_cancel_goes_on(pair: ColoPair, check: Check) -> None:
    """It has nothing to cancel, and checkpoints go on."""
    pair.vm(Role.SECONDARY).attempt("migrate_cancel")
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(GO_ON)


@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("ERR-1")
@control(sabotage="no-promotion", checker="each_refused")
def test_a_loss_told_twice_is_refused(
    pair: ColoPair, nemesis: Nemesis, promises: Promises, check: Check, survivor: Role
) -> None:
    """A survivor that has been told once refuses to be told again, and runs on alone."""
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    pair.vm(Role.PRIMARY).attempt(LOST)
    pair.observe_survivor("after")

    check(*refused([Mistake(Role.PRIMARY, LOST, OUTSIDE)], promises), alone(survivor))


@LETS_IT_CHANGE
@pytest.mark.claim("ERR-2")
def test_capabilities_cannot_be_changed_in_colo_by_the_secondary(
    pair: ColoPair, promises: Promises, check: Check
) -> None:
    """Not one of them, and checkpoints go on."""
    make(pair, changes(Role.SECONDARY))
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(*refused(changes(Role.SECONDARY), promises), GO_ON)


@pytest.mark.xfail(
    strict=True, raises=MonitorLost, reason="finding: docs/findings/0099-migrate-aborts-the-secondary.md"
)
@pytest.mark.claim("ERR-3")
def test_a_migration_of_the_secondary_is_refused(pair: ColoPair, check: Check) -> None:
    """In COLO the secondary migrates nowhere, and checkpoints go on."""
    pair.vm(Role.SECONDARY).attempt("migrate", NOWHERE)
    with pair.watching():
        pair.let_checkpoints_come(2)

    check(EachRefused("migrate", (IN_PROGRESS,)), GO_ON)


@pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0100-a-refused-start-stops-the-primary.md"
)
@pytest.mark.claim("ERR-4")
def test_a_buffer_of_other_length_costs_the_primary_nothing(
    idle_pair: ColoPair, nemesis: Nemesis, check: Check
) -> None:
    """The secondary cannot start replication then, and the primary's guest runs on."""
    nemesis.allow("colo-exit-error")
    idle_pair.carry_out(start.STEPS[:1])
    _, active, _ = idle_pair.files["host_b"].images()[0]
    idle_pair.lab.images.create(active, disk.SIZE // 2)
    idle_pair.carry_out(start.STEPS[1:])
    start.migrate(idle_pair)
    idle_pair.let_notice(Role.SECONDARY, due=idle_pair.timeouts.failover)
    idle_pair.let_notice(Role.PRIMARY)
    idle_pair.observe("after")

    check(StatesSeen({("host_a", "query-status", "after"): {"status": "running", "running": True}}))
