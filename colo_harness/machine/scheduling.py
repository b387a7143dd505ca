"""Scheduling: which of two threads of a process runs first when both could."""

import os
import re
from contextlib import suppress
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.process import Process

LEADER = "leader"
"""The name that `favour` gives to the group leader's main thread, whatever its program is called."""
_LOWEST = os.sched_param(1)


def favour(process: Process, first: str, then: str) -> None:
    """Let threads named like `first`, a regular expression, always run ahead of those named like `then`.

    All of them are put on one CPU, and `first` in the real-time class: it runs as soon as it is woken.
    Raises MachineError without the right to do so, or where there are no such threads.
    """
    threads = dict(_threads(process))
    ahead, behind = ([tid for tid in threads if re.fullmatch(name, threads[tid])] for name in (first, then))
    if not ahead or not behind:
        names = ", ".join(sorted(set(threads.values())))
        raise MachineError(f"{process.name} lacks threads like {first!r} or {then!r}; it has {names}", "report a bug")
    cpu = {min(os.sched_getaffinity(0))}
    try:
        for tid in (*ahead, *behind):
            os.sched_setaffinity(tid, cpu)
        for tid in ahead:
            os.sched_setscheduler(tid, os.SCHED_FIFO, _LOWEST)
    except PermissionError as refusal:
        raise MachineError(f"no real-time scheduling: {refusal}", "run as root, or with CAP_SYS_NICE") from refusal


def _threads(process: Process) -> list[tuple[int, str]]:
    found = []
    for pid in process.group():
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError):
                name = (task / "comm").read_text(encoding="utf-8").strip()
                found.append((int(task.name), LEADER if task.name == str(pid) else name))
    return found
