"""QEMU's own sandbox: the strongest form of `-sandbox` that one takes, found by starting it, and whether it is on."""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from colo_harness.errors import CommandError, LaunchFailure, MachineError, MonitorLost
from colo_harness.machine.process import Process

if TYPE_CHECKING:
    from colo_harness.qemu.bare import BareQemu

FLAG = "-sandbox"
FORMS = (
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny",
    "on,obsolete=deny,elevateprivileges=deny",
    "on",
)
"""From the strongest to the weakest (system/qemu-seccomp.c); what they forbid ends QEMU, resource control but fails."""
Start = Callable[[str], AbstractContextManager["BareQemu"]]
"""Starts a QEMU without a machine with one form."""


def strongest(start: Start) -> str:
    """Return the first of FORMS with which what `start` starts makes a thread and is seen to be filtered, else ""."""
    return next((form for form in FORMS if _holds(start, form)), "")


def demand(process: Process) -> None:
    """Look whether a QEMU that was told to filter its system calls does so. Raises MachineError."""
    members = process.group()
    if FLAG in process.argv and members and not any(map(is_filtered, members)):
        raise MachineError(
            f"{process.name} was started with {FLAG} and filters no system calls", "see what its wrapper does with it"
        )


def blame(status: int | None) -> str:
    """Say of an exit status that it was the filter's doing, where it was; for an error."""
    return f": {FLAG} forbids what it did" if status == -signal.SIGSYS else ""


def is_filtered(pid: int) -> bool:
    """Say whether a process filters its system calls, and not only as this one does, which a container may filter."""
    its, own = _told(pid), _told("self")
    return its.get("Seccomp") == "2" and int(its.get("Seccomp_filters", 1)) > int(own.get("Seccomp_filters", 0))


def _holds(start: Start, form: str) -> bool:
    try:
        with start(form) as qemu:
            qemu.execute("object-add", {"qom-type": "iothread", "id": "thread0"})
            return any(map(is_filtered, qemu.process.group()))
    except (LaunchFailure, MonitorLost, CommandError, MachineError):
        return False


def _told(pid: int | Literal["self"]) -> dict[str, str]:
    """Return the fields of /proc/PID/status (proc_pid_status(5)); none of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
