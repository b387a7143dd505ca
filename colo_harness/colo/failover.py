"""Failover of one side: the steps of the document's "Primary Failover" and "Secondary Failover"."""

from typing import TYPE_CHECKING

from colo_harness.colo import procedure
from colo_harness.qemu.argv import ids_for_each_nic
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


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
    vm.execute("nbd-server-stop")
    _lose_heartbeat(pair, Role.SECONDARY)
    if pair.topology.networked:
        host = pair.host(Role.SECONDARY)
        filters = ids_for_each_nic(procedure.SECONDARY_FILTERS, pair.topology)
        streams = ids_for_each_nic(procedure.SECONDARY_CHARDEVS, pair.topology)
        procedure.drop_objects(vm, pair.objects(host, filters))
        procedure.announce(vm)
        procedure.drop_chardevs(vm, streams)
        wanted = ids_for_each_nic(procedure.PRIMARY_CHARDEVS, pair.topology)
        chardevs = [part for part in pair.graph(Role.PRIMARY).parts if part.id in wanted]
        procedure.add(vm, chardevs)
        graph = pair.graphs[host].without(*filters, *streams)
        pair.graphs[host] = graph.joined(chardevs)


def carry_on(pair: "ColoPair") -> None:
    """Let the primary go on without a secondary (Primary Failover). Raises as `promote` does."""
    vm, host = pair.vm(Role.PRIMARY), pair.host(Role.PRIMARY)
    if pair.replicates_disk:
        procedure.detach_replica(vm)
    filters = ids_for_each_nic(procedure.PRIMARY_FILTERS, pair.topology)
    procedure.drop_objects(vm, pair.objects(host, filters))
    pair.graphs[host] = pair.graphs[host].without(*filters)
    _lose_heartbeat(pair, Role.PRIMARY)


def _lose_heartbeat(pair: "ColoPair", role: Role) -> None:
    """Tell the side that it is alone, and return once it runs so."""
    vm = pair.vm(role)
    procedure.lost_heartbeat(vm)
    wait_until(
        f"{vm.name} to run alone",
        lambda: vm.execute("query-status")["running"] and vm.execute("query-colo-status")["mode"] == "none",
        timeout=pair.timeouts.failover,
        seen=lambda: (vm.execute("query-status"), vm.execute("query-colo-status")),
    )


FENCE = {Role.PRIMARY: fence_primary, Role.SECONDARY: fence_secondary}
"""The step that ends each role."""
YANK = {Role.PRIMARY: yank_primary, Role.SECONDARY: yank_secondary}
"""The step that frees each role from a peer that hangs."""
ALONE = {Role.PRIMARY: carry_on, Role.SECONDARY: promote}
"""The step that lets each role carry on alone."""
