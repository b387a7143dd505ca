"""What a pair is made of: the guest's hardware, the addresses and the tunables, as frozen data."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from colo_harness.settings import Accel

Host = Literal["host_a", "host_b"]
GuestKind = Literal["linux", "applications", "tick", "micro"]
HOSTS: tuple[Host, Host] = ("host_a", "host_b")
MEMORY_MIB = {"linux": 128, "applications": 192}
"""What suits a guest, where that is not 16."""


class Role(StrEnum):
    """State, not identity: it moves at failover."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    @property
    def peer(self) -> "Role":
        """The other role."""
        return Role.SECONDARY if self is Role.PRIMARY else Role.PRIMARY


class Channel(StrEnum):
    """The streams between the hosts, and the ports of QEMU's document (system/qemu-colo, Startup qemu)."""

    CHECKPOINT = "9998"
    NBD = "9999"
    MIRROR = "9003"
    COMPARE = "9004"


NARROWS_PORT = 9002
"""Of a relay of ours on the loopback of the primary's host."""
MEDDLER_PORT = 9006
"""Of another one, behind colo-compare."""


@dataclass(frozen=True)
class Image:
    """A guest that is not ours: a kernel with an initrd, or a disk that boots by itself."""

    kernel: Path | None = None
    initrd: Path | None = None
    cmdline: str = ""
    disk: Path | None = None
    memory_mib: int = 256
    boot_s: float = 30.0
    """Seconds that it gets alone, from power-on until the pair is formed: nothing tells when it is ready."""


@dataclass(frozen=True)
class Topology:
    """One pair's set-up; equal topologies restore the same saved guest state."""

    guest: GuestKind | Literal["foreign"] = "linux"
    image: Image | None = None
    """The foreign guest; none of ours is one."""
    accel: Accel = "tcg"
    fresh: bool = False
    """The Linux guest has made no TCP connection before the pair is formed (docs/findings/)."""
    checkpoint_delay_ms: int = 20_000
    """`x-checkpoint-delay`; the default is QEMU's."""
    compare_timeout_ms: int = 3000
    """`compare_timeout` of colo-compare; the default is QEMU's (net/colo-compare.c)."""
    scan_cycle_ms: int = 1000
    """`expired_scan_cycle` of colo-compare; the default is QEMU's."""
    quiet: bool = False
    """The tick guest rests when the pair is formed, so that its primary has not written a page since."""
    offloads: bool = True
    """The NIC sums and segments for the guest. Else whoever changes a packet must sum it anew, as the rewriter does."""
    disks: Literal[1, 2] = 1
    """How many disks the guest has, each replicated by block nodes of its own."""
    nics: Literal[1, 2] = 1
    """How many NICs the guest has, where it is networked; each has a proxy of its own."""
    reboots: bool = False
    """A guest that reboots does so; else its reboot ends QEMU."""
    stays: bool = False
    """A QEMU whose guest has powered off or panicked stays, with the guest stopped; else that ends it."""
    pvpanic: bool = False
    """The guest has a device by which its kernel tells that it panics."""
    memory: int = 0
    """Guest memory in MiB; 0: what suits the guest."""
    disk_mib: int = 0
    """The disk has so many MiB, all of which hold data; 0: 64, most of them empty."""
    discards: bool = False
    """The guest has a device that gives memory back to the host (virtio-mem), which the copy of COLO forbids."""
    headerless: str = ""
    """The part of the proxy that alone has no `vnet_hdr_support`, by its id; none where that is empty."""
    rewriter: bool = True
    """The secondary has a filter-rewriter, which only sessions over TCP need."""
    relayed: bool = False
    """The checkpoint stream goes through a relay of ours, which can hold it at a message."""
    deferred: bool = False
    """The secondary listens for the checkpoint stream only when it is told to, just before the primary migrates."""
    narrowed: bool = False
    """What the primary's filters send to its colo-compare goes through a relay of ours, which can stop in mid-frame."""
    meddling: Literal["", "doubled", "swapped"] = ""
    """What a relay of ours does to the frames that colo-compare lets go, where a sabotage asks for it."""
    machine: str = "pc"
    """The guest's mainboard, with properties; on q35 an IDE disk is at an AHCI controller."""
    cpus: Literal[1, 2] = 1
    """How many processors the guest has."""
    nic: Literal["virtio-net-pci", "e1000", "rtl8139"] = "virtio-net-pci"
    """What its NICs are, where it is networked."""
    bus: Literal["", "virtio", "ide", "scsi"] = ""
    """Where its disks are: virtio-blk, the mainboard's controller, or a virtio-scsi one; "": as suits the guest."""
    raw: bool = False
    """The images of its disks are raw; the secondary's buffers never are."""
    ram_disk_mib: int = 0
    """The secondary's buffers lie on a tmpfs of so many MiB, as the documents advise; 0: beside its disk."""
    usb: bool = False
    """The guest has the USB controller and tablet of the documents."""
    document: Literal["qemu-colo", "COLO-FT", "2016"] = "qemu-colo"
    """Whose command line and commands the pair follows: QEMU 11.1's, that of QEMU 5.2 to 10.0 (docs/COLO-FT.txt),
    or the latter as proposed in 2016, which knows no proxy. The older ones know one disk.
    """
    waiting: bool = False
    """The primary comes up only once the secondary is connected, by `wait=on` of the document."""
    secondary_halted: bool = False
    """The secondary is started with `-S`, as the primary is."""
    standby: bool = False
    """The secondary's guest never runs, and no checkpoint stream comes: its disk alone is replicated."""
    capabilities: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """Migration capabilities of the primary and of the secondary, where they are not those that COLO wants."""
    impostor: bool = False
    """A relay of ours answers for the secondary whatever checkpoint is taken, where a sabotage asks for it."""
    memory_file: bool = False
    """Guest memory lies in a file of the host, where a sabotage can reach it."""
    managed: bool = False
    """A cluster manager is in charge: the hosts have a network for its heartbeat, the QEMUs a spare monitor for it."""
    spare_monitor: bool = False
    """Each QEMU has a third monitor, for people: what they do there, ours do not notice."""

    @property
    def networked(self) -> bool:
        """Whether the guest has a NIC."""
        return self.guest != "tick"

    @property
    def proxied(self) -> bool:
        """Whether the pair has a proxy: filters, and a colo-compare."""
        return self.networked and self.document != "2016"

    @property
    def memory_mib(self) -> int:
        """Guest memory in MiB."""
        if self.image:
            return self.image.memory_mib
        return self.memory or MEMORY_MIB.get(self.guest, 16)
