"""A wire of ours between two links: in user space, so that anything may become of a frame on its way."""

import errno
import heapq
import itertools
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from colo_harness.errors import MachineError
from colo_harness.machine.namespace import Namespace

End = int
"""Of a wire: 0 or 1."""
HEAD = 10
"""Bytes of the virtio-net header before each frame (linux/virtio_net.h): what a network card is left to do to it."""
MOST = HEAD + 14 + 65536
BATCH = 64
ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
SENDING, RECEIVING = (32, socket.SO_SNDBUF), (33, socket.SO_RCVBUF)
"""A buffer's size that is forced, as SO_SNDBUFFORCE does (asm-generic/socket.h), and one that is asked for."""
_ABSENT = (errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENOBUFS, errno.EAGAIN)
"""What a link says that is down, gone or full: it loses the frame, as any does."""


@dataclass(frozen=True)
class Delivery:
    """A frame with its head that is to go out, at a time of CLOCK_MONOTONIC; `back` where it came from."""

    frame: bytes
    at: float = 0.0
    back: bool = False


class Fate(Protocol):
    """What becomes of the frames of one wire; `tally` counts what became of them, by name."""

    tally: Counter[str]

    def meets(self, frame: bytes, end: End) -> Iterable[Delivery]:
        """Return what a frame, with its head, turns into that came in at this end."""


class Wire:
    """Lets frames that come in at one end out at the other, as `fate` has it, from the start until it is closed."""

    def __init__(self, ends: tuple[socket.socket, socket.socket], fate: Fate) -> None:
        self._ends = ends
        self._fate = fate
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._order = itertools.count()
        self._failure: Exception | None = None
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def vouch(self) -> None:
        """Say that all that was lost was meant to be. Raises MachineError where this wire broke by itself."""
        if self._failure:
            problem = f"a wire of ours broke, and what happened since says nothing about QEMU: {self._failure!r}"
            raise MachineError(problem, "please report this as a bug") from self._failure

    def close(self) -> None:
        """Send on what is still under way, and end; may be called again. Raises MachineError."""
        if self._stopped >= 0:
            os.close(self._stopped)
            self._thread.join(10)
            self._stopped = -1
            os.close(self._stop)
            for end in self._ends:
                end.close()
        if self._thread.is_alive():
            raise MachineError("a wire's thread does not end", "please report this as a bug")
        self.vouch()

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._stop, selectors.EVENT_READ)
                selector.register(self._ends[0], selectors.EVENT_READ, 0)
                selector.register(self._ends[1], selectors.EVENT_READ, 1)
                while self._carry(selector):
                    pass
        except Exception as failure:  # noqa: BLE001 - told by `vouch`, whatever it is
            self._failure = failure

    def _carry(self, selector: selectors.BaseSelector) -> bool:
        """Let pass what is there; return whether to go on."""
        patience = max(self._due[0][0] - time.monotonic(), 0) if self._due else None
        for key, _ in selector.select(patience):
            if key.data is None:
                self._send(until=float("inf"))
                return False
            self._hear(key.data)
        self._send(until=time.monotonic())
        return True

    def _hear(self, end: End) -> None:
        for _ in range(BATCH):
            try:
                frame = self._ends[end].recv(MOST, socket.MSG_DONTWAIT)
            except OSError as trouble:
                if trouble.errno not in _ABSENT:
                    raise
                return
            for delivery in self._fate.meets(frame, end):
                out = self._ends[end if delivery.back else 1 - end]
                heapq.heappush(self._due, (delivery.at, next(self._order), out, delivery.frame))

    def _send(self, *, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            *_, out, frame = heapq.heappop(self._due)
            try:
                out.send(frame)
            except OSError as trouble:
                if trouble.errno not in _ABSENT:
                    raise
                self._fate.tally["undelivered"] += 1


def end_at(namespace: Namespace, link: str) -> socket.socket:
    """Return a wire's end: it hears what others send to this link of a namespace, and sends out of it."""
    end = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        make_room(end, ROOM, RECEIVING)
        end.bind((link, ETH_P_ALL))
    except BaseException:
        end.close()
        raise
    return end


def make_room(end: socket.socket, size: int, *ways: tuple[int, int]) -> None:
    """Let so many bytes wait in the kernel; an ordinary user gets as many as the machine gives anybody."""
    for forced, asked in ways:
        try:
            end.setsockopt(socket.SOL_SOCKET, forced, size)
        except PermissionError:
            end.setsockopt(socket.SOL_SOCKET, asked, size)


ROOM = 64 << 20
"""Bytes that wait in the kernel for this wire: what does not fit is lost, and nobody meant it to be."""
