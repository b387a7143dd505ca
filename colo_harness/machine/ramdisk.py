"""A tmpfs of its own: it has no name on the machine and vanishes with the process that holds it."""

import ctypes
import os
from pathlib import Path

from colo_harness.errors import MachineError

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
"""System calls (asm/unistd_64.h) without a function in libc before 2.36."""
_CLOEXEC, _SET_STRING, _CREATE = 1, 1, 6
_libc = ctypes.CDLL(None, use_errno=True)


class RamDisk:
    """A tmpfs of `mib` MiB that is mounted nowhere, held open by one file descriptor of this process; none for 0.

    It lives as long as that descriptor, or a file in it is open; so SIGKILL leaves none behind. Raises MachineError.
    """

    def __init__(self, mib: int) -> None:
        self._fd = _tmpfs(mib) if mib else -1

    @property
    def path(self) -> Path | None:
        """Where this process and others of this user find it while this one holds it; None where there is none."""
        return None if self._fd < 0 else Path(f"/proc/{os.getpid()}/fd/{self._fd}")

    def close(self) -> None:
        """Let go of it; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _tmpfs(mib: int) -> int:
    """Return a descriptor of a new one's root."""
    context = _call(_FSOPEN, b"tmpfs", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _SET_STRING, b"size", f"{mib}m".encode(), 0)
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        why = os.strerror(ctypes.get_errno())
        raise MachineError(f"no tmpfs can be made: {why}", "run as root, on Linux 5.2 or later")
    return result
