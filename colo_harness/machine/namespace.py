"""An anonymous network namespace: it has no name on the machine and vanishes with its last user."""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Self

from colo_harness.errors import MachineError
from colo_harness.machine import rights
from colo_harness.machine.process import run

CLONE_NEWNET = 0x40000000
NS_GET_USERNS = 0xB701
"""Who owns a namespace (ioctl_ns(2)): refused where that is not us."""
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP, IFF_RUNNING = 0x1, 0x40
_OWN = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)  # os.setns and os.unshare come with Python 3.12


class Namespace:
    """A network namespace with `lo` up and IPv6 off, held open by one file descriptor of this process.

    It lives as long as that descriptor, a process or a socket inside does; so SIGKILL leaves none behind.
    Raises MachineError where the right to make one is missing.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        with ThreadPoolExecutor(1) as helper:  # its thread ends with the new namespace, and takes no way back
            self._fd = helper.submit(_made).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<namespace {self.name}>"

    @property
    def path(self) -> str:
        """A path that other processes of this user can open while this one holds the namespace."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    @property
    def ways_in(self) -> tuple[str, ...]:
        """Options of nsenter(1) that lead a shell of this user's inside while this process holds the namespace."""
        owner = (f"--user=/proc/{os.getpid()}/ns/user", "--preserve-credentials") if rights.are_own() else ()
        return (*owner, f"--net={self.path}")

    @property
    def inode(self) -> int:
        """The number that tells this namespace from others, as /proc/PID/ns/net shows it."""
        return os.fstat(self._fd).st_ino

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the calling thread, and what it starts, live inside; other threads stay where they are."""
        before = _home()
        try:
            _setns(self._fd)
            try:
                yield
            finally:
                _setns(before)
        finally:
            os.close(before)

    def ip(self, *lines: str) -> str:
        """Run lines of `ip`, without that word, inside as a batch; return its output. Raises MachineError."""
        batch = "".join(f"{line}\n" for line in lines)
        try:
            return run(["ip", "-batch", "-"], namespace=self, timeout=30, input=batch)
        except MachineError as failure:
            raise MachineError(f"in {self!r}: {failure.problem}\n{batch}", failure.remedy) from failure

    def socket(self, family: int, kind: int, proto: int = 0) -> socket.socket:
        """Return a kernel socket that belongs to this namespace for good; any thread may use it."""
        with self.entered():
            return socket.socket(family, kind, proto)

    def forget_connections(self) -> None:
        """Let the kernel forget every TCP connection, as a host that has booted. Raises MachineError."""
        chosen, remedy = ["-tna", "state", "connected"], "use a kernel with CONFIG_INET_DIAG_DESTROY"
        run(["ss", "-K", *chosen], namespace=self, timeout=10, remedy=remedy)
        if left := run(["ss", "-H", *chosen, "exclude", "time-wait"], namespace=self, timeout=10).strip():
            raise MachineError(f"connections in {self!r} outlive `ss -K`:\n{left}", remedy)

    def set(self, setting: str, value: str) -> None:
        """Set one of /proc/sys/net, such as `ipv4/tcp_sack`, which shows the reading thread's own namespace."""
        with self.entered():
            Path("/proc/sys/net", setting).write_text(value, encoding="ascii")

    def interfaces(self) -> dict[int, str]:
        """Return interface number -> name."""
        with self.entered():
            return dict(socket.if_nameindex())

    def passes(self, *links: str) -> bool:
        """Say whether frames pass each of these links: the kernel's link watch takes milliseconds to let them."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for link in links:
                answer = ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", link.encode(), 0))
                if not struct.unpack_from("16xH", answer)[0] & IFF_RUNNING:
                    return False
                ioctl(control, SIOCSIFFLAGS, answer)  # changes nothing, but waits for a link watch that is at work
        return True

    def close(self) -> None:
        """Let go; the kernel removes the namespace with its links as soon as nobody else uses it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def seclude() -> None:
    """Let the calling thread, and what it starts, leave a network in which it has no rights: none leads back there.

    That is an ordinary user's with the machine's own, who from then on reaches nothing outside. Raises MachineError.
    """
    os.close(_home())


def _home() -> int:
    """Return a descriptor of the calling thread's namespace, or of a new one in place of one that is not ours."""
    here = os.open(_OWN, os.O_RDONLY)
    try:
        os.close(ioctl(here, NS_GET_USERNS))
    except PermissionError:
        os.close(here)
        _unshare()
        _raise_loopback()
        return os.open(_OWN, os.O_RDONLY)
    return here


def _made() -> int:
    """Leave the calling thread in a new namespace, and return a descriptor of that. Raises MachineError."""
    _unshare()
    _silence_ipv6()
    _raise_loopback()
    return os.open(_OWN, os.O_RDONLY)


def _unshare() -> None:
    if _libc.unshare(CLONE_NEWNET):
        raise MachineError(f"no right to make network namespaces: {os.strerror(ctypes.get_errno())}", rights.remedy())


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise MachineError(
            f"cannot enter a network namespace: {os.strerror(ctypes.get_errno())}",
            "run as root or with CAP_SYS_ADMIN; a closed Namespace cannot be entered",
        )


def _silence_ipv6() -> None:
    """Turn IPv6 off for all interfaces to come: /proc/sys/net shows the reading thread's own namespace."""
    for scope in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if switch.exists():  # a kernel without IPv6 has nothing to silence
            switch.write_text("1")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
