"""Doors: sockets by which a process can be reached in the network namespace of this process."""

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from colo_harness.machine import mark

_LISTENS, _UNCONNECTED = 10, 7
"""States of sockets of TCP and UDP (net/tcp_states.h)."""
_ACCEPTS = 0x10000
"""Of a unix socket that listens (include/linux/net.h, __SO_ACCEPTCON)."""
_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_HEAD = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBxI48x")
_TOLD = struct.Struct("=BBBB2s2s16s16x28xI")
"""sock_diag(7): nlmsghdr, inet_diag_req_v2, inet_diag_msg; of the last one family, state, port, address and inode."""


def open_doors(pids: Callable[[], Iterable[int]]) -> list[str]:
    """Name each door that one of these processes, or this one, has open where this process is.

    Who they are is asked only where somebody has one open. A unix socket with a path is as open as the folder that it
    lies in, and does not count.
    """
    if not (doors := dict(_doors())):
        return []
    here = _target("/proc/self/ns/net")
    ours = [pid for pid in sorted({os.getpid(), *pids()}) if _target(f"/proc/{pid}/ns/net") == here]
    return [f"{doors[one]} of {pid}: {mark.command(pid)}" for pid in ours for one in _held(pid) & doors.keys()]


def _held(pid: int) -> set[str]:
    """Return the sockets that a process holds, as the kernel names them."""
    with suppress(OSError):
        return {_target(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208 - quick
    return set()


def _doors() -> Iterator[tuple[str, str]]:
    """Yield each that anybody has open here: `socket:[inode]`, and what it is."""
    for family, end in ((socket.AF_INET, ""), (socket.AF_INET6, "6")):
        yield from _internet(family, socket.IPPROTO_TCP, _LISTENS, f"tcp{end}")
        yield from _internet(family, socket.IPPROTO_UDP, _UNCONNECTED, f"udp{end}")
    for line in Path("/proc/self/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        row = line.split()
        if int(row[3], 16) & _ACCEPTS and row[7:] and row[7].startswith("@"):
            yield f"socket:[{row[6]}]", f"unix {row[7]}"


def _internet(family: int, protocol: int, state: int, name: str) -> Iterator[tuple[str, str]]:
    """Ask for the sockets in one state: /proc/net/tcp would walk through all that there could be, for 8 ms."""
    asked = _ASKED.pack(family, protocol, 0, 1 << state)
    head = _HEAD.pack(_HEAD.size + len(asked), _BY_FAMILY, _REQUEST_DUMP, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.send(head + asked)
        while True:
            answer, at = kernel.recv(1 << 16), 0
            while at < len(answer):
                size, kind, *_ = _HEAD.unpack_from(answer, at)
                if kind != _BY_FAMILY:  # the end, or the kernel has no such protocol
                    return
                *_, port, _, address, inode = _TOLD.unpack_from(answer, at + _HEAD.size)
                where = socket.inet_ntop(family, address[: 4 if family == socket.AF_INET else 16])
                yield f"socket:[{inode}]", f"{name} {where}:{int.from_bytes(port, 'big')}"
                at += size + -size % 4


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - after every test, many times
    except OSError:
        return ""
