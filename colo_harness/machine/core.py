"""A core file of a process that hangs: SIGABRT has the kernel write one, where its core_pattern says (core(5))."""

import fcntl
import os
import re
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colo_harness.machine.guardian import await_exit
from colo_harness.machine.process import Process

PATTERN = Path("/proc/sys/kernel/core_pattern")
USES_PID = Path("/proc/sys/kernel/core_uses_pid")
PATIENCE = 60.0
"""Seconds that the kernel may take to write the memory of a QEMU."""


def keep(process: Process, to: Path) -> str:
    """Abort what hangs in the process's group and move its core file to `to`; say in a line what came of it."""
    try:
        victim = _innermost(process.group())
        folder = Path(f"/proc/{victim}/cwd").readlink()
        with _alone(folder):
            return _dump(victim, folder, to)
    except (OSError, IndexError) as trouble:
        return f"no core file: {trouble}"


def where(pattern: str, victim: int, folder: Path, *, uses_pid: bool) -> str:
    """Return a glob pattern of the core file of process `victim`, which works in `folder`; empty for a pipe."""
    if pattern.startswith("|"):
        return ""
    known = {"%p": str(victim), "%%": "%"}
    name = re.sub("%.", lambda found: known.get(found[0], "*"), pattern)
    if uses_pid and "%p" not in pattern:
        name += f".{victim}"
    return str(folder / name)


def _dump(victim: int, folder: Path, to: Path) -> str:
    pattern = PATTERN.read_text(encoding="utf-8").strip()
    expected = where(pattern, victim, folder, uses_pid=USES_PID.read_text(encoding="utf-8").strip() != "0")
    before = {path: path.stat().st_mtime_ns for path in _found(expected)}
    most = resource.prlimit(victim, resource.RLIMIT_CORE)[1]
    resource.prlimit(victim, resource.RLIMIT_CORE, (most, most))
    if not _abort(victim):
        return f"no core file: process {victim} outlives SIGABRT by {PATIENCE:g} s"
    if not expected:
        return f"no core file here: the kernel hands it to {pattern[1:].split()[0]}, which may have kept it"
    fresh = [path for path in _found(expected) if path.stat().st_mtime_ns != before.get(path)]
    if not fresh:
        return f"no core file: there is none at {expected}, with a limit of {most} (ulimit -Hc)"
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fresh[0], to)
    return f"core file: {to}"


def _abort(victim: int) -> bool:
    """Say whether the process, stopped or not, ends in time; its parent, a wrapper script, may reap it at once."""
    try:
        for number in (signal.SIGABRT, signal.SIGCONT):  # one that is stopped dies when it goes on
            os.kill(victim, number)
        return await_exit(victim, PATIENCE)
    except ProcessLookupError:
        return True


def _found(pattern: str) -> list[Path]:
    return sorted(Path("/").glob(pattern.lstrip("/"))) if pattern else []


def _innermost(group: list[int]) -> int:
    """Return the process of the group that none of it is a child of: QEMU itself, not the wrapper around it."""
    parents = {_parent(pid) for pid in group}
    return [pid for pid in group if pid not in parents][-1]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[1])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against others who would have the kernel write a file of the same name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
