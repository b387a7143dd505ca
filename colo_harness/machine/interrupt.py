"""Ctrl-C (SIGINT), held back where it would strike something half begun."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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


def hold() -> None:
    """Hold Ctrl-C back in this thread, and in what it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def hear() -> None:
    """Hear of Ctrl-C, also of one that was pressed while it was held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
