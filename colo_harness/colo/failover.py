"""Failover of one side: the steps of the document's "Primary Failover" and "Secondary Failover"."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from colo_harness.colo import procedure, procedure_2016
from colo_harness.errors import CommandError
from colo_harness.qemu.argv import ids_for_each_nic
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair

UNDER_WAY = ("setup", "active", "pre-switchover", "device", "failing")
"""States of `query-migrate` in which nothing is decided yet (qapi/migration.json, MigrationStatus)."""


def fence_primary(pair: "ColoPair") -> None:
    """Make sure that a lost primary is dead, and all that runs on its host."""
    pair.power_off(pair.host(Role.PRIMARY))


def fence_secondary(pair: "ColoPair") -> None:
    """Make sure that a lost secondary is dead, and all that runs on its host."""
    pair.power_off(pair.host(Role.SECONDARY))


def yank_primary(pair: "ColoPair") -> None:
    """Free a primary whose peer hangs."""
    pair.vm(Role.PRIMARY).yank()


def yank_secondary(pair: "ColoPair") -> None:
    """Free a secondary whose peer hangs."""
    pair.vm(Role.SECONDARY).yank()


def promote(pair: "ColoPair") -> None:
    """Make the secondary the machine that answers (Secondary Failover).

    Raises CommandError, MonitorLost, and WaitTimeout when it does not run alone soon after it was told.
    """
    vm = pair.vm(Role.SECONDARY)
    procedure.stop_serving(vm)
    procedure.lost_heartbeat(vm)
    take_over(pair)


def promote_first(pair: "ColoPair") -> None:
    """Do as `promote`, in the order of docs/block-replication.txt: "After Failover" come the removals."""
    vm = pair.vm(Role.SECONDARY)
    procedure.lost_heartbeat(vm)
    _await_alone(vm, pair.timeouts.failover)
    procedure.stop_serving(vm)
    _open_up(pair)


def take_over(pair: "ColoPair") -> None:
    """Do the rest of "Secondary Failover", once a secondary was told that it is alone. Raises as `promote` does."""
    _await_alone(pair.vm(Role.SECONDARY), pair.timeouts.failover)
    _open_up(pair)


def carry_on(pair: "ColoPair") -> None:
    """Let the primary go on without a secondary (Primary Failover). Raises as `promote` does.

    Where its disks are only being copied yet, there is nothing but the copies to be ended.
    """
    vm = pair.vm(Role.PRIMARY)
    if copies := [job["device"] for job in vm.execute("query-block-jobs") if job.get("device") in procedure.RESYNC]:
        _break_off(vm, copies, pair.timeouts.failover)
        return
    _drop_peer(pair)
    _leave(vm, pair.timeouts.failover)


def carry_on_first(pair: "ColoPair") -> None:
    """Do as `carry_on`, in the order of docs/block-replication.txt: "After Failover" come the removals."""
    _leave(pair.vm(Role.PRIMARY), pair.timeouts.failover)
    _drop_peer(pair)


def _open_up(pair: "ColoPair") -> None:
    """Let a secondary that has won be heard, and get it ready for a secondary of its own."""
    vm, host = pair.vm(Role.SECONDARY), pair.host(Role.SECONDARY)
    if not pair.topology.proxied:
        if pair.topology.networked:
            pair.network.plug(host)
            procedure.announce(vm)
        return
    filters = ids_for_each_nic(procedure.SECONDARY_FILTERS, pair.topology)
    streams = ids_for_each_nic(procedure.SECONDARY_CHARDEVS, pair.topology)
    procedure.drop_objects(vm, pair.objects(host, filters))
    procedure.announce(vm)
    procedure.drop_chardevs(vm, streams)
    wanted = ids_for_each_nic(procedure.PRIMARY_CHARDEVS, pair.topology)
    chardevs = [part for part in pair.graph(Role.PRIMARY).parts if part.id in wanted]
    procedure.add(vm, chardevs)
    pair.graphs[host] = pair.graphs[host].without(*filters, *streams).joined(chardevs)


def _drop_peer(pair: "ColoPair") -> None:
    """Take from the primary what leads to its secondary."""
    vm, host = pair.vm(Role.PRIMARY), pair.host(Role.PRIMARY)
    names = procedure_2016.NAMES.get(pair.topology.document)
    if names and pair.replicates_disk:
        procedure_2016.detach_replica(vm, names)
    elif pair.replicates_disk:
        for disk in range(pair.topology.disks):
            procedure.detach_replica(vm, disk=disk)
    filters = ids_for_each_nic(procedure.PRIMARY_FILTERS, pair.topology)
    procedure.drop_objects(vm, pair.objects(host, filters))
    pair.graphs[host] = pair.graphs[host].without(*filters)


def _break_off(vm: VM, copies: Iterable[str], timeout: float) -> None:
    """End copies of disks whose target is lost; each may have noticed by itself."""
    for copy in copies:
        with suppress(CommandError):
            procedure.break_off_mirror(vm, copy)
    wait_until("the copies of the disks to end", lambda: not vm.execute("query-block-jobs"), timeout=timeout)


def _leave(vm: VM, timeout: float) -> None:
    """Tell a primary that it is alone, and return once it runs so.

    One whose migration fails before COLO begins just lets its guest run.
    """

    def come_to() -> str | None:
        status: str | None = vm.execute("query-migrate").get("status")
        return None if status in UNDER_WAY else status

    if wait_until(f"the migration of {vm.name} to fail, or to be COLO", come_to, timeout=timeout) == "failed":
        procedure.let_guest_run(vm)
    else:
        procedure.lost_heartbeat(vm)
    _await_alone(vm, timeout)


def _await_alone(vm: VM, timeout: float) -> None:
    wait_until(
        f"{vm.name} to run alone",
        lambda: vm.execute("query-status")["running"] and vm.execute("query-colo-status")["mode"] == "none",
        timeout=timeout,
        seen=lambda: (vm.execute("query-status"), vm.execute("query-colo-status")),
    )


FENCE = {Role.PRIMARY: fence_primary, Role.SECONDARY: fence_secondary}
"""The step that ends each role."""
YANK = {Role.PRIMARY: yank_primary, Role.SECONDARY: yank_secondary}
"""The step that frees each role from a peer that hangs."""
ALONE = {Role.PRIMARY: carry_on, Role.SECONDARY: promote}
"""The step that lets each role carry on alone."""
FIRST = {Role.PRIMARY: carry_on_first, Role.SECONDARY: promote_first}
"""The same in the other documented order: removals come last."""
