"""Scheduling: which of two threads of a process runs first when both could."""

import os

from colo_harness.errors import MachineError
from colo_harness.machine.process import Process
from colo_harness.machine.threads import named

_LOWEST = os.sched_param(1)


def favour(process: Process, first: str, then: str) -> None:
    """Let threads named like `first`, a regular expression, always run ahead of those named like `then`.

    All of them are put on one CPU, and `first` in the real-time class: it runs as soon as it is woken.
    Raises MachineError without the right to do so, or where there are no such threads.
    """
    ahead, behind = named(process, first), named(process, then)
    if not ahead or not behind:
        raise MachineError(f"{process.name} lacks threads like {first!r} or {then!r}", "report a bug")
    cpu = {min(os.sched_getaffinity(0))}
    try:
        for tid in (*ahead, *behind):
            os.sched_setaffinity(tid, cpu)
        for tid in ahead:
            os.sched_setscheduler(tid, os.SCHED_FIFO, _LOWEST)
    except PermissionError as refusal:
        raise MachineError(f"no real-time scheduling: {refusal}", "run as root, or with CAP_SYS_NICE") from refusal
