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
from colo_harness.qemu.topology import Channel, Role
from fixtures.claims import control
from fixtures.pair import Check
from suites.release.survivors import alone

LOST, SET = "x-colo-lost-heartbeat", "migrate-set-capabilities"
IN_PROGRESS = "There's a migration process in progress"
CHANGES = {"x-colo": False, "return-path": False, "postcopy-ram": True, "background-snapshot": True, "multifd": True}
GO_ON = CheckpointsGoOn(at_least=2)
NOWHERE = {"uri": "tcp:127.0.0.1:9"}
LETS_IT_CHANGE = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0098-the-secondary-lets-capabilities-change.md"
)
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)


@pytest.mark.claim("ERR-1")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_a_loss_told_before_colo_is_refused(idle_pair: ColoPair, check: Check) -> None:
    """Either side refuses to hear of a lost peer before it is in COLO, and enters it all the same."""
    idle_pair.approach()
    for vm in idle_pair.vms:
        vm.attempt(LOST)
    idle_pair.enter()
    with idle_pair.watching():
        idle_pair.let_checkpoints_come(3)

    check(EachRefused(LOST, "VM is not in COLO mode", times=2), GO_ON)


@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("ERR-1")
@control(sabotage="no-promotion", checker="each_refused")
def test_a_loss_told_twice_is_refused(pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role) -> None:
    """A survivor that has been told once refuses to be told again, and runs on alone."""
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    pair.vm(Role.PRIMARY).attempt(LOST)
    pair.observe_survivor("after")

    check(EachRefused(LOST, "VM is not in COLO mode"), alone(survivor))


@pytest.mark.parametrize("side", [Role.PRIMARY, pytest.param(Role.SECONDARY, marks=LETS_IT_CHANGE)], ids=str)
@pytest.mark.claim("ERR-2")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_capabilities_cannot_be_changed_in_colo(pair: ColoPair, check: Check, side: Role) -> None:
    """Not one of them, on either side, and checkpoints go on."""
    for capability, state in CHANGES.items():
        pair.vm(side).attempt(SET, {"capabilities": [{"capability": capability, "state": state}]})
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(EachRefused(SET, IN_PROGRESS, times=len(CHANGES)), GO_ON)


@pytest.mark.parametrize("side", list(Role), ids=str)
@pytest.mark.claim("ERR-3")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_a_second_incoming_migration_is_refused(pair: ColoPair, check: Check, side: Role) -> None:
    """In COLO neither side listens for another migration, and checkpoints go on."""
    pair.vm(side).attempt("migrate-incoming", NOWHERE)
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(EachRefused("migrate-incoming", "The incoming migration has already been started"), GO_ON)


@pytest.mark.claim("ERR-3")
def test_a_second_migration_is_refused(pair: ColoPair, check: Check) -> None:
    """In COLO the primary migrates nowhere else, and checkpoints go on."""
    pair.vm(Role.PRIMARY).attempt("migrate", NOWHERE)
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(EachRefused("migrate", IN_PROGRESS), GO_ON)


@pytest.mark.xfail(
    strict=True, raises=MonitorLost, reason="finding: docs/findings/0099-migrate-aborts-the-secondary.md"
)
@pytest.mark.claim("ERR-3")
def test_a_migration_of_the_secondary_is_refused(pair: ColoPair, check: Check) -> None:
    """In COLO the secondary migrates nowhere, and checkpoints go on."""
    pair.vm(Role.SECONDARY).attempt("migrate", NOWHERE)
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(EachRefused("migrate", IN_PROGRESS), GO_ON)


@pytest.mark.claim("ERR-4")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_a_disk_that_is_not_exported_yet_is_refused(idle_pair: ColoPair, check: Check) -> None:
    """The primary does not attach it, says why, and does so once it is exported."""
    server = {"type": "inet", "host": idle_pair.address(Role.SECONDARY), "port": Channel.NBD}
    idle_pair.carry_out(start.STEPS[:-2])
    idle_pair.vm(Role.PRIMARY).attempt("blockdev-add", {"driver": "nbd", "server": server, "node-name": "nbd0"})
    idle_pair.carry_out(start.STEPS[-2:])
    idle_pair.enter()
    with idle_pair.watching():
        idle_pair.let_checkpoints_come(3)

    check(EachRefused("blockdev-add", "Connection refused"), GO_ON)


@pytest.mark.claim("ERR-4")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_a_disk_is_exported_once(pair: ColoPair, check: Check) -> None:
    """In COLO the secondary exports its disk no second time, and checkpoints go on."""
    pair.vm(Role.SECONDARY).attempt("nbd-server-add", {"device": "parent0", "writable": True})
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(EachRefused("nbd-server-add", "Block export id 'parent0' is already in use"), GO_ON)


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
