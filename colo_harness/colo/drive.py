"""The secondary's export as a drive of the primary's human monitor: the form of all documents until QEMU 10."""

from colo_harness.errors import ProductFailure
from colo_harness.qemu.topology import Channel
from colo_harness.qemu.vm import VM


def attach(vm: VM, address: str, *, export: str, parent: str, node: str, client: str = "") -> None:
    """Add an export at `address` as `node` to the quorum `parent`; `client` names the NBD client beneath it.

    Raises CommandError, ProductFailure.
    """
    remote = f"file.driver=nbd,file.host={address},file.port={Channel.NBD},file.export={export}"
    remote += f",file.node-name={client}" if client else ""
    line = f"drive_add -n buddy driver=replication,mode=primary,{remote},node-name={node}"
    if said := _human(vm, line):
        raise ProductFailure(f"{vm.name} answers {line!r} with {said.strip()}")
    vm.execute("x-blockdev-change", {"parent": parent, "node": node})


def detach(vm: VM, *, parent: str, node: str) -> None:
    """Take `node` out of the quorum `parent`, and delete it. Raises CommandError, ProductFailure.

    What is said of a peer that is gone is no refusal.
    """
    vm.execute("x-blockdev-change", {"parent": parent, "child": "children.1"})
    said = _human(vm, f"drive_del {node}")
    if any(one["node-name"] == node for one in vm.execute("query-named-block-nodes", {"flat": True})):
        raise ProductFailure(f"{vm.name} keeps {node}: {said.strip()}")


def _human(vm: VM, line: str) -> str:
    """Return what a command of the human monitor says. Raises CommandError."""
    return str(vm.execute("human-monitor-command", {"command-line": line}))
