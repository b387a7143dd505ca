"""A tap for a bench: the one netdev whose frames have virtio-net headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colo_harness.machine.namespace import Namespace
from colo_harness.proxy.rewriter import NETDEV

HEADER = 10
"""Length of its virtio-net headers, in bytes, as long as no guest has asked for longer ones."""
_HALTS = b"\xf4" * (64 << 10)
_FIRMWARE = "halt.bin"


@contextmanager
def tapped(folder: Path) -> Iterator[tuple[tuple[str, ...], Namespace]]:
    """Yield the options of a bench with a tap and its NIC, and the namespace for it to live in.

    QEMU wants a machine for the NIC, and passes frames only while the machine runs: its firmware is nothing but `hlt`.
    Raises MachineError.
    """
    (folder / _FIRMWARE).write_bytes(_HALTS)
    machine = ("-machine", "pc", "-m", "2", "-bios", str(folder / _FIRMWARE))
    tap = f"tap,id={NETDEV},ifname={NETDEV},script=no,downscript=no,vhost=off,vnet_hdr=on"
    with Namespace("bench") as namespace:
        yield (*machine, "-netdev", tap, "-device", f"virtio-net-pci,netdev={NETDEV},romfile="), namespace
