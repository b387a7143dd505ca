"""Doors: sockets by which a process of ours can be reached in the network namespace of this process."""

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from colo_harness.machine import mark

_LISTENS, _UNCONNECTED = "0A", "07"
"""States in /proc/net/tcp and /proc/net/udp (net/tcp_states.h)."""
_TABLES: Mapping[str, str] = {"tcp": _LISTENS, "tcp6": _LISTENS, "udp": _UNCONNECTED, "udp6": _UNCONNECTED}
_ACCEPTS = 0x10000
"""Of a unix socket that listens (include/linux/net.h, __SO_ACCEPTCON)."""


def open_doors(folder: Path) -> list[str]:
    """Name each door that this process, or one that bears the mark `folder`, has open where this process is.

    A unix socket with a path is as open as the folder that it lies in, and does not count.
    """
    if not (doors := dict(_doors())):
        return []
    return [f"{doors[one]} of {pid}: {mark.command(pid)}" for pid in _ours(folder) for one in _held(pid) & doors.keys()]


def _ours(folder: Path) -> Iterator[int]:
    here = _target("/proc/self/ns/net")
    pids = {os.getpid(), *mark.bearers(folder)}
    yield from (pid for pid in sorted(pids) if _target(f"/proc/{pid}/ns/net") == here)


def _held(pid: int) -> set[str]:
    """Return the sockets that a process holds, as the kernel names them."""
    with suppress(OSError):
        return {_target(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208 - quick
    return set()


def _doors() -> Iterator[tuple[str, str]]:
    """Yield each that anybody has open here: `socket:[inode]`, and what it is."""
    for table, state in _TABLES.items():
        for row in _rows(table):
            if row[3] == state:
                yield f"socket:[{row[9]}]", f"{table} {_address(row[1])}"
    for row in _rows("unix"):
        if int(row[3], 16) & _ACCEPTS and row[7:] and row[7].startswith("@"):
            yield f"socket:[{row[6]}]", f"unix {row[7]}"


def _rows(table: str) -> list[list[str]]:
    """Return a table of this namespace, none where the kernel has no such protocol."""
    with suppress(OSError):
        lines = Path("/proc/self/net", table).read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.split() for line in lines[1:]]
    return []


def _address(told: str) -> str:
    """Return address and port, which the kernel writes as words of the machine's order."""
    digits, port = told.split(":")
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return f"{socket.inet_ntop(family, struct.pack(f'={len(words)}I', *words))}:{int(port, 16)}"


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - after every test, many times
    except OSError:
        return ""
