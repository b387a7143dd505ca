"""The QMP commands of docs/COLO-FT.txt where the document of QEMU 11.1 has others.

There are two of it: as it was proposed in 2016, and as QEMU 5.2 to 10.0 print it.
"""

from dataclasses import dataclass

from colo_harness.colo import procedure
from colo_harness.errors import ProductFailure
from colo_harness.qemu.topology import Channel
from colo_harness.qemu.vm import VM

DISK = "colo-disk0"


@dataclass(frozen=True)
class Names:
    """What a document calls the export of the secondary's disk, and the primary's node that leads there."""

    export: str
    child: str


NAMES = {"2016": Names(DISK, "node0"), "COLO-FT": Names("parent0", "replication0")}
"""Those of each document."""


def serve_replica(vm: VM) -> None:
    """Export the secondary's disk (step 2 of 2016)."""
    procedure.open_server(vm)
    vm.execute("nbd-server-add", {"device": DISK, "writable": True})


def attach_replica(vm: VM, secondary_address: str, names: Names) -> None:
    """Add the secondary's export to the primary's quorum. Raises CommandError, ProductFailure."""
    remote = f"file.driver=nbd,file.host={secondary_address},file.port={Channel.NBD},file.export={names.export}"
    line = f"drive_add -n buddy driver=replication,mode=primary,{remote},node-name={names.child}"
    if said := _human(vm, line):
        raise ProductFailure(f"{vm.name} answers {line!r} with {said.strip()}")
    vm.execute("x-blockdev-change", {"parent": DISK, "node": names.child})


def detach_replica(vm: VM, names: Names) -> None:
    """Take the lost secondary's export out of the quorum. Raises CommandError, ProductFailure.

    That of 2016 deletes `blk-buddy0`, which is not there. What is said of a peer that is gone is no refusal.
    """
    vm.execute("x-blockdev-change", {"parent": DISK, "child": "children.1"})
    said = _human(vm, f"drive_del {names.child}")
    if any(node["node-name"] == names.child for node in vm.execute("query-named-block-nodes", {"flat": True})):
        raise ProductFailure(f"{vm.name} keeps {names.child}: {said.strip()}")


def _human(vm: VM, line: str) -> str:
    """Return what a command of the human monitor says. Raises CommandError."""
    return str(vm.execute("human-monitor-command", {"command-line": line}))
