"""An impostor in the checkpoint stream: it answers for the secondary, which hears of no checkpoint."""

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

from colo_harness.errors import MachineError

PIECE = 1 << 20
READY, REQUEST, REPLY, RECEIVED, LOADED = (struct.pack(">I", number) for number in (0, 1, 2, 5, 6))
"""COLO's messages on the wire (qapi/migration.json, COLOMessage)."""


class Impostor:
    """Joins one connection on `listener` to `target` until the pair replicates; from then on it keeps the primary's.

    Each request of the primary is answered at once with all that a secondary says in a checkpoint; the primary reads
    each answer when its time has come.
    """

    def __init__(self, listener: socket.socket, upstream: socket.socket, target: tuple[str, int]) -> None:
        self._listener = listener
        self._upstream = upstream
        self._target = target
        self._ends = [listener, upstream]
        self._in_colo = threading.Event()
        self._threads = [threading.Thread(target=self._run, name="impostor", daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut both connections; may be called again. Raises MachineError."""
        for end in self._ends:
            with suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()
        if any(thread.is_alive() for thread in self._threads):
            raise MachineError("the impostor's thread does not end", "please report this as a bug")

    def _run(self) -> None:
        with suppress(OSError):  # an end was shut down, or died: that is how this ends
            primary, _ = self._listener.accept()
            self._ends.append(primary)
            self._upstream.connect(self._target)
            back = threading.Thread(target=self._bring_back, args=(primary,), name="impostor-back", daemon=True)
            self._threads.append(back)
            back.start()
            while piece := primary.recv(PIECE):
                if not self._in_colo.is_set():
                    self._upstream.sendall(piece)
                elif piece == REQUEST:
                    primary.sendall(REPLY + RECEIVED + LOADED)
        with suppress(OSError):
            self._upstream.shutdown(socket.SHUT_RDWR)  # the secondary hears of the primary's end

    def _bring_back(self, primary: socket.socket) -> None:
        """Pass on what the secondary says, to CHECKPOINT_READY, which is the first thing that it says in COLO."""
        with suppress(OSError):
            while piece := self._upstream.recv(PIECE):
                if piece.endswith(READY):
                    self._in_colo.set()
                primary.sendall(piece)
        with suppress(OSError):
            primary.shutdown(socket.SHUT_RDWR)  # the primary hears of the secondary's end
