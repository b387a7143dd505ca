"""The QMP commands of docs/COLO-FT.txt as it was proposed in 2016, where the later document has others."""

from colo_harness.errors import ProductFailure
from colo_harness.qemu.topology import Channel
from colo_harness.qemu.vm import VM

DISK = "colo-disk0"
CHILD = "node0"
"""The document's name of the node that leads to the secondary."""


def serve_replica(vm: VM) -> None:
    """Export the secondary's disk (step 2)."""
    address = {"type": "inet", "data": {"host": "0.0.0.0", "port": Channel.NBD}}  # noqa: S104 - as the document does
    vm.execute("nbd-server-start", {"addr": address})
    vm.execute("nbd-server-add", {"device": DISK, "writable": True})


def attach_replica(vm: VM, secondary_address: str) -> None:
    """Add the secondary's export to the primary's quorum (step 3). Raises CommandError, ProductFailure."""
    remote = f"file.driver=nbd,file.host={secondary_address},file.port={Channel.NBD},file.export={DISK}"
    line = f"drive_add -n buddy driver=replication,mode=primary,{remote},node-name={CHILD}"
    if said := _human(vm, line):
        raise ProductFailure(f"{vm.name} answers {line!r} with {said.strip()}")
    vm.execute("x-blockdev-change", {"parent": DISK, "node": CHILD})


def detach_replica(vm: VM) -> None:
    """Take the lost secondary's export out of the quorum (step 5). Raises CommandError, ProductFailure.

    The document deletes `blk-buddy0`, which is not there. What is said of a peer that is gone is no refusal.
    """
    vm.execute("x-blockdev-change", {"parent": DISK, "child": "children.1"})
    said = _human(vm, f"drive_del {CHILD}")
    if any(node["node-name"] == CHILD for node in vm.execute("query-named-block-nodes", {"flat": True})):
        raise ProductFailure(f"{vm.name} keeps {CHILD}: {said.strip()}")


def _human(vm: VM, line: str) -> str:
    """Return what a command of the human monitor says. Raises CommandError."""
    return str(vm.execute("human-monitor-command", {"command-line": line}))
