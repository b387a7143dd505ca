"""The QMP commands of QEMU 11.1's document system/qemu-colo, in its order.

docs/departures.md lists what departs from it, and why.
suites/harness/test_procedure.py holds the commands against the document that the reference release ships.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from colo_harness.qemu import hotplug
from colo_harness.qemu.argv import Part
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.topology import Channel
from colo_harness.qemu.vm import VM

PRIMARY_FILTERS = ("comp0", "iothread1", "m0", "redire0", "redire1")
SECONDARY_FILTERS = ("f2", "f1")
PRIMARY_CHARDEVS = ("mirror0", "compare1", "compare0", "compare0-0", "compare_out", "compare_out0")
SECONDARY_CHARDEVS = ("red1", "red0")
LOOP = ("compare0", "compare0-0", "compare_out", "compare_out0")
"""The chardevs by which the primary's filters and its colo-compare talk to each other, over the host's loopback."""
RESYNC = ("resync", "resync1")
"""The jobs that copy the disks: the document's id, and that of a second disk."""
BANDWIDTH = 10 << 30
"""Bytes a second, which is more than there are: as fast as it goes."""
ANNOUNCEMENT = {"initial": 50, "max": 550, "rounds": 5, "step": 100}
"""QEMU's own defaults for announcements after a migration, in milliseconds (qapi/net.json, AnnounceParameters)."""


def set_capabilities(vm: VM, contract: Contract, others: Sequence[str] | None = None) -> None:
    """Switch on what COLO wants (steps 3 and 4), or `others` in its place."""
    wanted = contract.capabilities if others is None else [{"capability": name, "state": True} for name in others]
    events = {"capability": "events", "state": True}
    vm.execute("migrate-set-capabilities", {"capabilities": [*wanted, events]})


def serve_replica(vm: VM, *, disks: int = 1) -> None:
    """Export the secondary's disk, or all of them (step 3)."""
    open_server(vm)
    for disk in range(disks):
        vm.execute("nbd-server-add", {"device": f"parent{disk}", "writable": True})


def open_server(vm: VM) -> None:
    """Start the NBD server that exports disks (step 3)."""
    address = {"type": "inet", "data": {"host": "0.0.0.0", "port": Channel.NBD}}  # noqa: S104 - the document's
    vm.execute("nbd-server-start", {"addr": address})


def stop_serving(vm: VM) -> None:
    """Export the disk no more (Secondary Failover)."""
    vm.execute("nbd-server-stop")


def attach_replica(vm: VM, secondary_address: str, *, disk: int = 0) -> None:
    """Add the secondary's export of one disk to the primary's quorum (step 4)."""
    server = {"type": "inet", "host": secondary_address, "port": Channel.NBD}
    export = {"node-name": f"nbd{disk}", "export": f"parent{disk}"}
    vm.execute("blockdev-add", {"driver": "nbd", "server": server, "detect-zeroes": "on", **export})
    vm.execute("x-blockdev-change", {"parent": f"colo-disk{disk}", "node": f"nbd{disk}"})


def set_checkpoint_delay(vm: VM, milliseconds: int) -> None:
    """Set the period of idle checkpoints (step 5)."""
    vm.execute("migrate-set-parameters", {"x-checkpoint-delay": milliseconds})


def lift_limit(vm: VM) -> None:
    """Let memory be sent at this bandwidth: at QEMU's default, 128 MiB a second, the first pass takes half a second."""
    vm.execute("migrate-set-parameters", {"max-bandwidth": BANDWIDTH})


def listen(vm: VM) -> None:
    """Let a secondary that was told to defer it listen for the checkpoint stream."""
    vm.execute("migrate-incoming", {"uri": f"tcp:0.0.0.0:{Channel.CHECKPOINT}"})


def migrate(vm: VM, address: str, port: str) -> None:
    """Start replication (step 4)."""
    vm.execute("migrate", {"uri": f"tcp:{address}:{port}"})


def detach_replica(vm: VM, *, disk: int = 0) -> None:
    """Take the lost secondary's export out of one disk's quorum (Primary Failover)."""
    vm.execute("x-blockdev-change", {"parent": f"colo-disk{disk}", "child": "children.1"})
    vm.execute("blockdev-del", {"node-name": f"nbd{disk}"})


def lost_heartbeat(vm: VM) -> None:
    """Tell the survivor that it is alone (both failovers)."""
    vm.execute("x-colo-lost-heartbeat")


def let_guest_run(vm: VM) -> None:
    """Let a guest run on whose migration failed before COLO began."""
    vm.execute("cont")


def drop_objects(vm: VM, ids: Iterable[str]) -> None:
    """Delete filters and their helpers."""
    for name in ids:
        vm.execute("object-del", {"id": name})


def drop_chardevs(vm: VM, ids: Iterable[str]) -> None:
    """Close the redirectors' streams (Secondary Failover)."""
    for name in ids:
        vm.execute("chardev-remove", {"id": name})


def add(vm: VM, parts: Iterable[Part], *, before: str | None = None) -> None:
    """Add chardevs and objects of the primary, its filters ahead of the filter `before`.

    A promoted secondary gets its chardevs at once (Secondary Failover); the objects come when replication is resumed
    (Primary and Secondary resume replication).
    """
    for part in parts:
        vm.execute(*hotplug.command(part, before=before))


def mirror_disk(vm: VM, secondary_address: str, *, disk: int = 0, speed: int | None = None) -> None:
    """Copy a whole disk to the new secondary's export (both ways to resume), at most `speed` bytes a second."""
    target = f"nbd://{secondary_address}:{Channel.NBD}/parent{disk}"
    job: dict[str, Any] = {"device": f"colo-disk{disk}", "job-id": RESYNC[disk], "target": target}
    if speed:
        job["speed"] = speed
    vm.execute("drive-mirror", {**job, "mode": "existing", "format": "raw", "sync": "full"})


def stop_guest(vm: VM) -> None:
    """Stop the guest once the disk is synced (both ways to resume)."""
    vm.execute("stop")


def end_mirror(vm: VM, *, disk: int = 0) -> None:
    """End the copy of one disk (both ways to resume)."""
    vm.execute("block-job-cancel", {"device": RESYNC[disk]})


def break_off_mirror(vm: VM, job: str) -> None:
    """End one of the copies at once, whatever has been copied."""
    vm.execute("block-job-cancel", {"device": job, "force": True})


def announce(vm: VM) -> None:
    """Let the guest's NIC be heard by the switches."""
    vm.execute("announce-self", dict(ANNOUNCEMENT))
