"""The audit: what of ours is there, so that a test can be told what it leaves.

Ours is what cannot be anybody else's: processes that bear our mark, what this process holds open, links of our group,
and what lies in our folder. So nobody else's doings, another run of ours among them, are ever held against a test.
"""

import ctypes
import gc
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine import mark
from colo_harness.machine.doors import open_doors
from colo_harness.machine.guardian import PATIENCE, await_exit, kill_bearer
from colo_harness.machine.process import run
from colo_harness.wait import wait_until

Kind = Literal["process", "namespace", "tap", "link", "socket", "mount", "file"]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]  # what goes along with an earlier one comes later

_NAMESPACE = re.compile(r"(net|mnt|pid|user|uts|ipc|cgroup|time):\[\d+\]")
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_DETACH = 2
_KTHREADD = 2


class Thing(NamedTuple):
    """Something of ours, by what tells it from others of its kind: a pid, a link's name, `socket:[inode]`, a path."""

    kind: Kind
    name: str


class Audit:
    """Looks for what belongs to the estate `folder` in which this process's tests run; takes some 2 ms each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._strangers: set[int] = set()
        self._strange_links: set[tuple[int, str]] = set()

    def present(self) -> frozenset[Thing]:
        """Return all that is there."""
        looks = (self._processes, self._held, self._threads, self._links, self._bound, self._mounts, self._files)
        return frozenset(thing for look in looks for thing in look())

    def left(self, allowed: AbstractSet[Thing], patience: float) -> list[str]:
        """Name what is there besides `allowed` and does not go by itself within `patience` seconds.

        What can be removed is removed; what this process holds open is not, since somebody may still use it.
        """
        if not self.present() - allowed:
            return []
        gc.collect()
        with suppress(WaitTimeout):
            wait_until("what was ended to be gone", lambda: self.present() <= allowed, timeout=patience)
            return []
        told = []
        for kind in KINDS:
            found = sorted(thing for thing in self.present() - allowed if thing.kind == kind)
            told += [f"{kind} {describe(thing)}" for thing in found]
            for thing in found:
                _REMEDIES.get(kind, _leave)(thing.name, self._folder)
        return told

    def reachable(self) -> list[str]:
        """Name what of ours can be reached from outside; takes 1 ms where nobody can be, else 2 ms more."""
        return open_doors(lambda: [int(thing.name) for thing in self._processes()])

    def _processes(self) -> Iterator[Thing]:
        """Look at those only that were not there before: a stranger stays one."""
        pids = set(mark.everybody())
        self._strangers &= pids
        for pid in pids - self._strangers:
            chain = mark.borne(pid, mark.RUN, mark.GUARDIAN)
            if chain is None:
                state, parent = _state(pid)
                if state == "Z" and parent == os.getpid():
                    yield Thing("process", str(pid))
                elif _KTHREADD in (pid, parent):
                    self._strangers.add(pid)
            elif str(self._folder) in chain:
                yield Thing("process", str(pid))
            else:
                self._strangers.add(pid)

    def _held(self) -> Iterator[Thing]:
        for number, target in _descriptors().items():
            if target.startswith("socket:"):
                yield Thing("socket", target)
            elif _NAMESPACE.fullmatch(target):
                yield Thing("namespace", target)
            elif target == "/dev/net/tun":
                yield Thing("tap", _tap(number))

    def _threads(self) -> Iterator[Thing]:
        home = _link("/proc/self/ns/net")
        spaces = {_link(f"/proc/self/task/{task}/ns/net") for task in _entries("/proc/self/task")}
        yield from (Thing("namespace", space) for space in spaces - {home, ""})

    def _links(self) -> Iterator[Thing]:
        there = set(socket.if_nameindex())
        self._strange_links &= there
        if new := there - self._strange_links:
            listed = json.loads(run(["ip", "-json", "link", "show", "group", str(mark.link_group())], timeout=30))
            ours = {link["ifname"] for link in listed if link} if mark.link_group() else set()
            self._strange_links |= {(index, name) for index, name in new if name not in ours}
            yield from (Thing("link", name) for _, name in new if name in ours)

    def _bound(self) -> Iterator[Thing]:
        yield from (Thing("socket", name) for name in _bound_below(self._folder))

    def _mounts(self) -> Iterator[Thing]:
        below = os.fsencode(self._folder)
        table = Path("/proc/self/mountinfo").read_bytes()
        for line in table.splitlines() if below in table else ():
            point = _ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), line.split()[4])
            if point.startswith(below):
                yield Thing("mount", os.fsdecode(point))

    def _files(self) -> Iterator[Thing]:
        yield from (Thing("file", f"{self._folder}/{name}") for name in _entries(self._folder))


def describe(thing: Thing) -> str:
    """Return what helps to find it."""
    if thing.kind == "process":
        pid = int(thing.name)
        state = _state(pid)[0]
        space = _link(f"/proc/{pid}/ns/net")
        where = "" if space in ("", _link("/proc/self/ns/net")) else f" in {space}"
        return f"{pid}{where}: {'ended but not waited for' if state == 'Z' else mark.command(pid)}"
    if thing.kind in ("namespace", "socket", "tap"):
        return f"{_told(thing)}, held by {', '.join(_holders(thing)) or 'nobody to be seen'}"
    return thing.name


def _told(thing: Thing) -> str:
    """Return a socket's own name and its peer's besides its number; of others, the name."""
    if thing.kind != "socket":
        return thing.name
    for number, target in _descriptors().items():
        if target == thing.name:
            with suppress(OSError), socket.socket(fileno=os.dup(number)) as same:
                return f"{thing.name} ({same.family.name}, {_ends(same)})"
    return f"{thing.name} at {_bound_below(Path('/')).get(thing.name, 'no path')}"


def _ends(one: socket.socket) -> str:
    peer = ""
    with suppress(OSError):
        peer = f", peer {one.getpeername() or 'without a name'}"
    return f"{one.getsockname() or 'without a name'}{peer}"


def _holders(thing: Thing) -> list[str]:
    held = {n: _tap(n) if target == "/dev/net/tun" else target for n, target in _descriptors().items()}
    holders = [f"descriptor {number}" for number, target in held.items() if target == thing.name]
    tasks = _entries("/proc/self/task") if thing.kind == "namespace" else ()
    return holders + [f"thread {task}" for task in tasks if _link(f"/proc/self/task/{task}/ns/net") == thing.name]


def _end_process(name: str, folder: Path) -> None:
    pid = int(name)
    kill_bearer(pid, folder)
    with suppress(ProcessLookupError):
        await_exit(pid, PATIENCE)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _remove_link(name: str, _: Path) -> None:
    with suppress(MachineError):  # its peer went, and it along
        run(["ip", "link", "delete", name], timeout=30)


def _unmount(name: str, _: Path) -> None:
    ctypes.CDLL(None).umount2(os.fsencode(name), _DETACH)


def _remove_file(name: str, _: Path) -> None:
    path = Path(name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _leave(name: str, _: Path) -> None:
    """Do nothing."""


_REMEDIES: Mapping[Kind, Callable[[str, Path], None]] = {
    "process": _end_process,
    "link": _remove_link,
    "mount": _unmount,
    "file": _remove_file,
}


def _entries(folder: str | Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - half the time that pathlib takes, after every test
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as above
    except OSError:
        return ""


def _descriptors() -> dict[int, str]:
    return {int(number): _link(f"/proc/self/fd/{number}") for number in _entries("/proc/self/fd")}


def _tap(number: int) -> str:
    with suppress(OSError):
        told = Path(f"/proc/self/fdinfo/{number}").read_text(encoding="ascii")
        if found := re.search(r"^iff:\s*(\S+)", told, re.MULTILINE):
            return found[1]
    return "without a name"


def _state(pid: int) -> tuple[str, int]:
    """Return state and parent of a process."""
    with suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split(maxsplit=2)[:2]
        return state.decode(), int(parent)
    return "", 0


def _bound_below(folder: Path) -> dict[str, str]:
    """Return the unix sockets of this network namespace that are bound below `folder`: `socket:[inode]` to path."""
    table = Path("/proc/self/net/unix").read_bytes()
    below = os.fsencode(folder)
    rows = [line.split(maxsplit=7) for line in table.splitlines()[1:]] if below in table else []
    return {f"socket:[{row[6].decode()}]": os.fsdecode(row[7]) for row in rows if row[7:] and row[7].startswith(below)}
