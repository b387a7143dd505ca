"""Ctrl-C (SIGINT), held back where it would strike something half begun."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN_S = 0.01
"""Seconds after which a Ctrl-C that struck where nothing can be raised is tried again."""
_Hook = Callable[["sys.UnraisableHookArgs"], object]


@contextmanager
def whole() -> Iterator[None]:
    """Let Ctrl-C wait until the block is over: nobody could end what a block in pieces has started."""
    if threading.current_thread() is not threading.main_thread():  # where Python never raises it
        yield
        return
    late: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: late.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if late and callable(before):
            before(signal.SIGINT, None)


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C back in this thread; a process that is started in the block is born so, until it calls `hear`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def insisting(again: Callable[[], object]) -> _Hook:
    """Return a `sys.unraisablehook` that presses Ctrl-C again, after `again`, where Python swallowed it.

    What is raised in a `__del__`, or in another call that the garbage collector makes, goes nowhere.
    """
    before = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        again()
        main = threading.main_thread().ident or 0
        threading.Timer(AGAIN_S, signal.pthread_kill, (main, signal.SIGINT)).start()

    return hook


def hold() -> None:
    """Hold Ctrl-C back in this thread, and in what it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def hear() -> None:
    """Hear of Ctrl-C, also of one that was pressed while it was held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
