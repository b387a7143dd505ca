"""The QMP commands of docs/COLO-FT.txt as it was proposed in 2016, where the later document has others."""

from colo_harness.colo import drive
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
    drive.attach(vm, secondary_address, export=DISK, parent=DISK, node=CHILD)


def detach_replica(vm: VM) -> None:
    """Take the lost secondary's export out of the quorum (step 5). Raises CommandError, ProductFailure.

    The document deletes `blk-buddy0`, which is not there.
    """
    drive.detach(vm, parent=DISK, node=CHILD)
