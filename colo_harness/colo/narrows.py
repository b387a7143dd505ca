"""Narrows in the stream from the primary's filters to its colo-compare: a relay that can stop it in mid-frame.

TCP knows no frames, so colo-compare may have read part of one at any time; here it has for certain.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from colo_harness.errors import MachineError, WaitTimeout

PIECE = 1 << 16
CUT = 3
"""Bytes that still pass: less than a frame's length takes, which comes first (net/filter-mirror.c, filter_send)."""


class Narrows:
    """Joins whoever connects to `listener`, one after the other, to the target that `dial` connects to."""

    def __init__(self, listener: socket.socket, dial: Callable[[], socket.socket]) -> None:
        self._listener = listener
        self._dial = dial
        self._narrow, self._stuck, self._wide = threading.Event(), threading.Event(), threading.Event()
        self._ends: list[socket.socket] = [listener]
        self._thread = threading.Thread(target=self._run, name="narrows", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self) -> None:
        """Let only the first bytes of what comes next pass, and keep the rest and all that follows."""
        self._stuck.clear()
        self._wide.clear()
        self._narrow.set()

    def wait_held(self, *, timeout: float) -> None:
        """Return once something stands here. Raises WaitTimeout."""
        if not self._stuck.wait(timeout):
            raise WaitTimeout(f"the primary's filters sent colo-compare nothing in {timeout:g} s")

    def release(self) -> None:
        """Let what was kept and everything after it pass."""
        self._narrow.clear()
        self._wide.set()

    def close(self) -> None:
        """Cut all connections; may be called again. Raises MachineError."""
        self.release()
        for end in self._ends:
            with suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for end in self._ends:
            end.close()
        if self._thread.is_alive():
            raise MachineError("the narrows' thread does not end", "please report this as a bug")

    def _run(self) -> None:
        with suppress(OSError):  # the listener was shut down: that is how this ends
            while True:
                reader, _ = self._listener.accept()
                source = self._dial()
                self._ends += [reader, source]
                with suppress(ConnectionError), reader, source:
                    while piece := source.recv(PIECE):
                        reader.sendall(self._passed(reader, piece))

    def _passed(self, reader: socket.socket, piece: bytes) -> bytes:
        """Return what of `piece` is still to be sent once the way is wide."""
        if not self._narrow.is_set():
            return piece
        reader.sendall(piece[:CUT])
        self._stuck.set()
        self._wide.wait()
        return piece[CUT:]
