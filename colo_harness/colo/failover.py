"""Failover of one side, by the document's "Primary Failover" and "Secondary Failover"."""

from colo_harness.colo import procedure
from colo_harness.qemu.argv import Graph
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until


def promote(vm: VM, graph: Graph, *, networked: bool, timeout: float) -> None:
    """Make the secondary the machine that answers.

    Raises CommandError, MonitorLost, and WaitTimeout when it does not run alone `timeout` seconds after it was told.
    """
    vm.execute("nbd-server-stop")
    lose_heartbeat(vm, timeout=timeout)
    if networked:
        procedure.drop_objects(vm, [i for i in procedure.SECONDARY_FILTERS if i in graph.ids("-object")])
        procedure.announce(vm)
        procedure.drop_secondary_chardevs(vm, ("red1", "red0"))
        procedure.open_primary_chardevs(vm)


def carry_on(vm: VM, graph: Graph, *, replicated: bool, timeout: float) -> None:
    """Let the primary go on without a secondary. Raises as `promote` does."""
    if replicated:
        procedure.detach_replica(vm)
    procedure.drop_objects(vm, [i for i in procedure.PRIMARY_FILTERS if i in graph.ids("-object")])
    lose_heartbeat(vm, timeout=timeout)


def lose_heartbeat(vm: VM, *, timeout: float) -> None:
    """Tell `vm` that it is alone, and return once it runs so."""
    procedure.lost_heartbeat(vm)
    wait_until(
        f"{vm.name} to run alone",
        lambda: vm.execute("query-status")["running"] and vm.execute("query-colo-status")["mode"] == "none",
        timeout=timeout,
        seen=lambda: (vm.execute("query-status"), vm.execute("query-colo-status")),
    )
