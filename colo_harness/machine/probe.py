"""Probes: what this machine can do, found out by doing it.

Each returns what it found, in a phrase, or raises MachineError with the remedy.
"""

import ctypes
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.capture import Capture, frames
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import GUEST, TUN, Network, tun_remedy
from colo_harness.machine.process import Process, run
from colo_harness.machine.suspension import suspended

GIB = 1 << 30
RESULTS = GIB // 4
"""Bytes that a run's results may take."""

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
KVM_CREATE_VM = 0xAE01
UFFD, USERFAULTFD_IOC_NEW, _NR_USERFAULTFD = Path("/dev/userfaultfd"), 0xAA00, 323
_libc = ctypes.CDLL(None, use_errno=True)

_LOSSY_RULESET = """
add table netdev probe
add chain netdev probe lossy { type filter hook ingress device lo priority 0; }
add rule netdev probe lossy numgen random mod 100 < 50 drop
"""


def memory(need: int = GIB) -> str:
    """Look for `need` available bytes of memory, within the limit of our control group. Raises MachineError."""
    with _or("Linux's /proc must be mounted"):
        free = _available()
    if free < need:
        raise MachineError(
            f"{free / GIB:.1f} GiB of memory are available, not {need / GIB:.1f}", "run fewer tests at a time"
        )
    return f"{free / GIB:.1f} GiB available"


def space(folder: Path, need: int = 2 * GIB, *, remedy: str) -> str:
    """Write into `folder`, made where missing, and look for `need` free bytes. Raises MachineError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
        free = shutil.disk_usage(folder).free
    except OSError as refusal:  # its file is one that nobody has heard of
        raise MachineError(f"{folder}: {refusal.strerror}", remedy) from refusal
    if free < need:
        raise MachineError(
            f"{free / GIB:.1f} GiB are free in {folder}, not {need / GIB:.1f}", f"make room there, or {remedy}"
        )
    return f"{free / GIB:.1f} GiB free in {folder}"


def read_only(folder: Path) -> bool:
    """Say whether a folder lies on a file system on which nothing can be changed."""
    return folder.is_dir() and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def full(folder: Path) -> bool:
    """Say whether less than a MiB can be written into a folder."""
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize < 1 << 20


def netns() -> str:
    """Make a network namespace."""
    with _or("run as root"):
        Namespace("probe").close()
    return "network namespaces can be made"


def tap() -> str:
    """Make a tap device, as QEMU opens it, in a namespace."""
    request = struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    with (
        _or(tun_remedy(), TUN),
        Namespace("probe") as namespace,
        namespace.entered(),
        TUN.open("r+b", 0) as opened,
    ):
        ioctl(opened, TUNSETIFF, request)
    return "tap devices can be made"


def network() -> str:
    """Set up a pair's whole network."""
    with _or("`colo setup` installs missing host tools"):
        Network().close()
    return "a pair's network can be set up"


def tcpdump() -> str:
    """Capture a frame on a pair's network. Raises MachineError."""
    with (
        _or("install tcpdump: `colo setup` does"),
        Guardian() as guardian,
        Network() as net,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "probe.pcap"
        capture = Capture(net, path, guardian=guardian)
        with capture, net.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"probe", (GUEST, 7))  # nobody is there: an ARP request goes out
        if not any(frame.port == "client" for frame in frames(path)):
            raise MachineError("tcpdump did not see a frame that was sent", "is it a real tcpdump?")
    return "a frame was captured"


def netem() -> str:
    """Let the kernel delay packets with netem."""
    _queue(
        *("netem", "delay", "1ms"),
        remedy="install iproute2; use a kernel that has netem (modprobe sch_netem; often in linux-modules-extra)",
    )
    return "packets can be delayed"


def tbf() -> str:
    """Let the kernel limit the rate of a link with tbf."""
    _queue(
        *("tbf", "rate", "1mbit", "burst", "10kb", "latency", "50ms"),
        remedy="install iproute2; use a kernel that has tbf (modprobe sch_tbf)",
    )
    return "a link's rate can be limited"


def nft() -> str:
    """Let the kernel drop packets at random with nftables."""
    remedy = "install nftables; use a kernel that has nf_tables with netdev chains and nft_numgen"
    with _or(remedy), Namespace("probe") as namespace:
        run(["nft", "-f", "-"], namespace=namespace, timeout=10, input=_LOSSY_RULESET, remedy=remedy)
    return "packets can be dropped at random"


def forgetting() -> str:
    """Let the kernel forget a connection."""
    remedy = "install iproute2; use a kernel with CONFIG_INET_DIAG_DESTROY"
    with _or(remedy), Namespace("probe") as namespace:
        listener, caller = (namespace.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2))
        with listener, caller:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            caller.connect(listener.getsockname())
            namespace.forget_connections()
    return "connections can be forgotten"


def realtime() -> str:
    """Put a thread into the real-time scheduling class."""
    remedy = "run as root, with CAP_SYS_NICE, or as a user who may: rtprio 1 in /etc/security/limits.conf"
    with _or(remedy, "SCHED_FIFO"), ThreadPoolExecutor(1) as short_lived:
        short_lived.submit(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)).result()
    return "a thread can be put into the real-time class"


def userfaultfd() -> str:
    """Ask for a watch over memory, as QEMU does (util/userfaultfd.c, uffd_open)."""
    remedy = f"run as root; or let this user: sysctl vm.unprivileged_userfaultfd=1, or {UFFD} of a group of the user's"
    with _or(remedy, "userfaultfd"):
        if os.access(UFFD, os.R_OK | os.W_OK):
            with UFFD.open("r+b", 0) as device:
                os.close(ioctl(device, USERFAULTFD_IOC_NEW, os.O_CLOEXEC))
        elif (watch := _libc.syscall(_NR_USERFAULTFD, os.O_CLOEXEC)) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        else:
            os.close(watch)
    return "memory can be watched"


def suspension() -> str:
    """Suspend a thread of another process."""
    with Guardian() as guardian, tempfile.TemporaryDirectory() as folder:
        idle = Process(["sleep", "60"], name="probe", log_dir=Path(folder), guardian=guardian)
        with idle, suspended(idle.pid):
            return "a thread of another process can be suspended"


def kvm() -> str:
    """Make an empty virtual machine; whether it can run a guest is another question (docs/measured.md, KVM)."""
    remedy = "enable (nested) virtualisation and give this user /dev/kvm (group kvm; in a container --device /dev/kvm)"
    path = Path("/dev/kvm")
    with _or(remedy, path), path.open("r+b", 0) as device:
        os.close(ioctl(device, KVM_CREATE_VM, 0))
    return "/dev/kvm opens and makes a VM"


def _queue(*discipline: str, remedy: str) -> None:
    """Hang a queueing discipline on a link."""
    with _or(remedy), Namespace("probe") as namespace:
        run(["tc", "qdisc", "add", "dev", "lo", "root", *discipline], namespace=namespace, timeout=10, remedy=remedy)


def _available() -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and (most := limit.read_text(encoding="ascii").strip()) != "max":
        available = min(available, int(most) - int(used.read_text(encoding="ascii")))
    return available


@contextmanager
def _or(remedy: str, what: str | Path = "") -> Iterator[None]:
    """Give what fails inside, of itself or with `what`, this remedy unless it has one. Raises MachineError."""
    try:
        yield
    except MachineError as failure:
        raise MachineError(failure.problem, failure.remedy or remedy) from failure
    except OSError as failure:
        of = failure.filename or what
        raise MachineError(f"{of}: {failure.strerror}" if of else str(failure), remedy) from failure
