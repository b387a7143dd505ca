"""Suspension: some threads of another process stand still while the others go on (ptrace(2))."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from colo_harness.errors import MachineError

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
EVENT_STOP = 128
"""What waitpid reports, eight bits further up, of a thread that was interrupted (linux/ptrace.h)."""
_ANY_THREAD = 0x40000000
"""__WALL: waitpid takes threads that are not our children too."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


@contextmanager
def suspended(*threads: int) -> Iterator[None]:
    """Let these threads, by their ids, stand still inside the block; they go on as well when we die.

    Enter and leave it in one thread: the kernel knows that one as their tracer. Raises MachineError.
    """
    if not threads:
        raise MachineError("no thread was named that could be suspended", "it may have ended: suspend it earlier")
    with ExitStack() as standing:
        try:
            for thread in threads:
                standing.enter_context(_suspended(thread))
        except OSError as refusal:
            raise MachineError(
                f"a thread cannot be suspended: {refusal.strerror}",
                "run as root, or with CAP_SYS_PTRACE; end a debugger that is attached",
            ) from refusal
        yield


@contextmanager
def _suspended(thread: int) -> Iterator[None]:
    child = _is_child(thread)
    _ptrace(SEIZE, thread)
    _ptrace(INTERRUPT, thread)
    _, status = os.waitpid(thread, _ANY_THREAD)
    if not os.WIFSTOPPED(status):
        raise MachineError(f"thread {thread} ended before it could be suspended", "suspend it earlier")
    came_along = 0 if status >> 16 == EVENT_STOP else os.WSTOPSIG(status)
    try:
        yield
    finally:
        try:
            _ptrace(DETACH, thread, came_along)
        except ProcessLookupError:  # it was killed meanwhile, and its process cannot be reaped before we have seen that
            if not child:
                os.waitpid(thread, _ANY_THREAD)


def _is_child(thread: int) -> bool:
    """Whether this is a process that we have started, and reap elsewhere."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{thread}/status").read_text(encoding="utf-8").splitlines())
    return int(told["Tgid"]) == thread and int(told["PPid"]) == os.getpid()


def _ptrace(request: int, thread: int, signal: int = 0) -> None:
    if _libc.ptrace(request, thread, None, signal) < 0:
        refusal = ctypes.get_errno()
        raise OSError(refusal, os.strerror(refusal))
