"""Probes: what this machine can do, found out by doing it."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.capture import Capture, frames
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import GUEST, Network
from colo_harness.machine.process import run

GIB = 1 << 30

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
KVM_CREATE_VM = 0xAE01

_LOSSY_RULESET = """
add table netdev probe
add chain netdev probe lossy { type filter hook ingress device lo priority 0; }
add rule netdev probe lossy numgen random mod 100 < 50 drop
"""


@dataclass(frozen=True)
class Probe:
    """What became of trying: where not `ok`, `reason` says what failed and `remedy` what the user can do."""

    name: str
    ok: bool
    reason: str = ""
    remedy: str = ""


def netns() -> Probe:
    """Make a network namespace."""
    return _try("netns", lambda: Namespace("probe").close(), "run as root")


def tun() -> Probe:
    """Make a tap device, as QEMU opens it, in a namespace."""

    def make() -> None:
        request = struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
        tap = Path("/dev/net/tun")
        with Namespace("probe") as namespace, namespace.entered(), tap.open("r+b", 0) as device:
            ioctl(device, TUNSETIFF, request)

    return _try("tun", make, "load the kernel module tun; in a container, hand in --device /dev/net/tun")


def realtime() -> Probe:
    """Put a process into the real-time scheduling class."""

    def hurry() -> None:
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            os.sched_setscheduler(child.pid, os.SCHED_FIFO, os.sched_param(1))
            child.communicate()

    return _try("realtime", hurry, "run as root, or with CAP_SYS_NICE")


def network() -> Probe:
    """Set up a pair's whole network."""
    return _try("network", lambda: Network().close(), "`colo setup` installs missing host tools")


def netem() -> Probe:
    """Let the kernel delay packets with netem."""
    remedy = "install iproute2; use a kernel that has netem (modprobe sch_netem)"

    def delay() -> None:
        command = ["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
        with Namespace("probe") as namespace:
            run(command, namespace=namespace, timeout=10, remedy=remedy)

    return _try("netem", delay, remedy)


def nft() -> Probe:
    """Let the kernel drop packets at random with nftables."""
    remedy = "install nftables; use a kernel that has nf_tables with netdev chains and nft_numgen"

    def drop() -> None:
        with Namespace("probe") as namespace:
            run(["nft", "-f", "-"], namespace=namespace, timeout=10, input=_LOSSY_RULESET, remedy=remedy)

    return _try("nft", drop, remedy)


def tcpdump() -> Probe:
    """Capture a frame on a pair's network."""

    def catch() -> None:
        with Guardian() as guardian, Network() as net, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.pcap"
            capture = Capture(net, path, guardian=guardian)
            with capture, net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"probe", (GUEST, 7))  # nobody is there: an ARP request goes out
            if not any(frame.port == "client" for frame in frames(path)):
                raise MachineError("tcpdump did not see a frame that was sent", "is it a real tcpdump?")

    return _try("tcpdump", catch, "install tcpdump")


def kvm_device() -> Probe:
    """Make an empty virtual machine; whether it can run a guest is another question (docs/measured.md, KVM)."""

    def create() -> None:
        with Path("/dev/kvm").open("r+b", 0) as device:
            os.close(ioctl(device, KVM_CREATE_VM, 0))

    return _try("kvm_device", create, "enable (nested) virtualisation and give this user /dev/kvm, or use TCG")


def space(folder: Path, need: int = 2 * GIB) -> Probe:
    """Write into `folder`, made where missing, and look for `need` free bytes."""

    def write() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
        if (free := shutil.disk_usage(folder).free) < need:
            raise MachineError(f"{folder} has {free / GIB:.1f} GiB free of {need / GIB:.1f}", "make room there")

    return _try("space", write, f"make {folder} writable, or choose another with --cache-dir")


def memory(need: int = GIB) -> Probe:
    """Look for `need` available bytes of memory, within the limit of our control group."""

    def look() -> None:
        if (free := _available()) < need:
            raise MachineError(
                f"{free / GIB:.1f} GiB of memory are available, not {need / GIB:.1f}", "run fewer tests at a time"
            )

    return _try("memory", look, "Linux's /proc must be mounted")


def _available() -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        available = min(available, int(most) - int(used.read_text(encoding="ascii")))
    return available


def _try(name: str, action: Callable[[], object], remedy: str) -> Probe:
    """Say whether `action` succeeds; a MachineError's own remedy goes before `remedy`."""
    try:
        action()
    except MachineError as failure:
        return Probe(name, ok=False, reason=failure.problem, remedy=failure.remedy or remedy)
    except OSError as failure:
        return Probe(name, ok=False, reason=str(failure), remedy=remedy)
    return Probe(name, ok=True)
