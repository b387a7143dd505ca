"""A tap for a bench: the one netdev whose frames have virtio-net headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colo_harness.machine.namespace import Namespace

HEADER = 10
"""Length of its virtio-net headers, in bytes, as long as no guest has asked for longer ones."""
SLOT = 5
"""Of the NIC on the machine's PCI bus."""
_HALTS = b"\xf4" * (64 << 10)
_FIRMWARE = "halt.bin"


@contextmanager
def tapped(folder: Path, netdev: str) -> Iterator[tuple[tuple[str, ...], Namespace]]:
    """Yield the options of a bench with a tap and its NIC, and the namespace for it to live in.

    The tap is called as the netdev is. QEMU wants a machine for the NIC, and passes frames only while the machine runs:
    its firmware is nothing but `hlt`.
    Raises MachineError.
    """
    (folder / _FIRMWARE).write_bytes(_HALTS)
    machine = ("-machine", "pc", "-accel", "tcg", "-m", "2", "-bios", str(folder / _FIRMWARE))
    tap = f"tap,id={netdev},ifname={netdev},script=no,downscript=no,vhost=off,vnet_hdr=on"
    card = f"virtio-net-pci,netdev={netdev},addr={SLOT},romfile="
    with Namespace("bench") as namespace:
        yield (*machine, "-netdev", tap, "-device", card), namespace
