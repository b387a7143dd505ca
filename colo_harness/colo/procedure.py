"""The QMP commands of QEMU 11.1's document system/qemu-colo, in its order.

docs/departures.md lists what departs from it, and why.
suites/harness/test_procedure.py holds the commands against the document that the reference release ships.
"""

from collections.abc import Collection
from typing import Any

from colo_harness.qemu.contract import Contract
from colo_harness.qemu.topology import Channel
from colo_harness.qemu.vm import VM

PRIMARY_FILTERS = ("comp0", "iothread1", "m0", "redire0", "redire1")
SECONDARY_FILTERS = ("f2", "f1")
ANNOUNCEMENT = {"initial": 50, "max": 550, "rounds": 5, "step": 100}
"""QEMU's own defaults for announcements after a migration, in milliseconds (qapi/net.json, AnnounceParameters)."""


def set_capabilities(vm: VM, contract: Contract) -> None:
    """Switch on what COLO wants (steps 3 and 4)."""
    events = {"capability": "events", "state": True}
    vm.execute("migrate-set-capabilities", {"capabilities": [*contract.capabilities, events]})


def serve_replica(vm: VM) -> None:
    """Export the secondary's disk (step 3)."""
    address = {"type": "inet", "data": {"host": "0.0.0.0", "port": Channel.NBD}}  # noqa: S104 - the document's
    vm.execute("nbd-server-start", {"addr": address})
    vm.execute("nbd-server-add", {"device": "parent0", "writable": True})


def attach_replica(vm: VM, secondary_address: str) -> None:
    """Add the secondary's export to the primary's quorum (step 4)."""
    server = {"type": "inet", "host": secondary_address, "port": Channel.NBD}
    nbd = {"driver": "nbd", "node-name": "nbd0", "server": server, "export": "parent0", "detect-zeroes": "on"}
    vm.execute("blockdev-add", nbd)
    vm.execute("x-blockdev-change", {"parent": "colo-disk0", "node": "nbd0"})


def set_checkpoint_delay(vm: VM, milliseconds: int) -> None:
    """Set the period of idle checkpoints (step 5)."""
    vm.execute("migrate-set-parameters", {"x-checkpoint-delay": milliseconds})


def migrate(vm: VM, address: str, port: str) -> None:
    """Start replication (step 4)."""
    vm.execute("migrate", {"uri": f"tcp:{address}:{port}"})


def detach_replica(vm: VM) -> None:
    """Take the lost secondary's export out of the quorum (Primary Failover)."""
    vm.execute("x-blockdev-change", {"parent": "colo-disk0", "child": "children.1"})
    vm.execute("blockdev-del", {"node-name": "nbd0"})


def lost_heartbeat(vm: VM) -> None:
    """Tell the survivor that it is alone (both failovers)."""
    vm.execute("x-colo-lost-heartbeat")


def drop_objects(vm: VM, ids: Collection[str]) -> None:
    """Delete filters and their helpers."""
    for name in ids:
        vm.execute("object-del", {"id": name})


def drop_secondary_chardevs(vm: VM, ids: Collection[str]) -> None:
    """Close the redirectors' streams (Secondary Failover)."""
    for name in ids:
        vm.execute("chardev-remove", {"id": name})


def open_primary_chardevs(vm: VM) -> None:
    """Prepare a promoted secondary to become the next pair's primary (Secondary Failover)."""
    for name, host, port, server in (
        ("mirror0", "0.0.0.0", Channel.MIRROR, True),  # noqa: S104 - the document's
        ("compare1", "0.0.0.0", Channel.COMPARE, True),  # noqa: S104 - the document's
        ("compare0", "127.0.0.1", "9001", True),
        ("compare0-0", "127.0.0.1", "9001", False),
        ("compare_out", "127.0.0.1", "9005", True),
        ("compare_out0", "127.0.0.1", "9005", False),
    ):
        address = {"type": "inet", "data": {"host": host, "port": port}}
        data: dict[str, Any] = {"addr": address, "server": server}
        vm.execute("chardev-add", {"id": name, "backend": {"type": "socket", "data": data}})


def announce(vm: VM) -> None:
    """Let the guest's NIC be heard by the switches."""
    vm.execute("announce-self", dict(ANNOUNCEMENT))
