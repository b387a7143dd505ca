"""A meddler: a relay behind colo-compare that doubles or swaps the frames which it lets go."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Literal

from colo_harness.errors import MachineError

PIECE = 1 << 16
PATIENCE = 0.05
"""Seconds that a frame waits for another one to change places with."""
_HEAD = 8
"""Bytes before each frame: two lengths, the first of all that follows them (net/net.c, net_fill_rstate)."""


class Meddler:
    """Joins whoever connects to `listener` to the target that `dial` connects to, and meddles with what he says."""

    def __init__(
        self, listener: socket.socket, dial: Callable[[], socket.socket], misdeed: Literal["doubled", "swapped"]
    ) -> None:
        self._listener = listener
        self._dial = dial
        self._misdeed = misdeed
        self._ends: list[socket.socket] = [listener]
        self._thread = threading.Thread(target=self._run, name="meddler", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut both connections; may be called again. Raises MachineError."""
        for end in self._ends:
            with suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for end in self._ends:
            end.close()
        if self._thread.is_alive():
            raise MachineError("the meddler's thread does not end", "please report this as a bug")

    def _run(self) -> None:
        with suppress(OSError):  # the listener was shut down: that is how this ends
            while True:
                source, _ = self._listener.accept()
                target = self._dial()
                self._ends += [source, target]
                with suppress(ConnectionError), source, target:
                    for frame in self._altered(source):
                        target.sendall(frame)

    def _altered(self, source: socket.socket) -> Iterator[bytes]:
        """Yield frames as they go on, until their source ends."""
        kept = b""
        for frame in _frames(source):
            if self._misdeed == "doubled":
                yield frame + frame
            elif frame and not kept:
                kept = frame
            else:
                yield frame + kept
                kept = b""


def _frames(source: socket.socket) -> Iterator[bytes]:
    """Yield each frame with what stands before it, and nothing whenever none came for a while."""
    source.settimeout(PATIENCE)
    rest = b""
    while True:
        try:
            piece = source.recv(PIECE)
        except TimeoutError:
            yield b""
            continue
        if not piece:
            return
        rest += piece
        while len(rest) >= _HEAD and len(rest) >= (size := _HEAD + struct.unpack_from("!I", rest)[0]):
            yield rest[:size]
            rest = rest[size:]
