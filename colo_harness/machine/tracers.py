"""Tracers: packets of ours that nobody answers; what becomes of them on their way is what a network does."""

import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.fates import Impairment
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.segment import BROADCAST, NOBODY, UNUSED, made, packet
from colo_harness.machine.wire import HEAD, MOST, end_at
from colo_harness.wait import wait_until

Place = tuple[Namespace, str]
"""A link of a namespace."""
OURS = b"\x02colo\x01"
"""The source address by which they are known; with a broadcast address as theirs, no TCP looks at them."""
_HEADER = BROADCAST + OURS + b"\x08\x00"
_SIZE = 1000
BATCH = 50
PROVEN_WITHIN_S = 15.0


def plain(number: int) -> bytes:
    """Return a packet of a protocol that nobody speaks, as a frame with its head."""
    text = struct.pack("!I", number).ljust(_SIZE, b".")
    return packet(NOBODY, NOBODY, UNUSED, text, link=_HEADER)


def segments(source: str, to: str, ports: tuple[int, int]) -> Callable[[int], bytes]:
    """Return a maker of segments as of one stream, that belong to no connection."""
    addresses = socket.inet_aton(source), socket.inet_aton(to)
    return lambda number: made(*addresses, ports, seq=number, ack=number, flags=0x10, link=_HEADER)


class Tracers:
    """Sends tracers from one link to another, and looks what arrives there."""

    def __init__(self, source: Place, target: Place, make: Callable[[int], bytes] = plain) -> None:
        self._make = make
        self._sent: dict[bytes, tuple[int, float]] = {}
        self._batches = 0
        self._came: list[tuple[int | None, float]] = []
        """Number, None where it is not as it was sent, and the seconds that it took."""
        with ExitStack() as opened:
            self._out = opened.enter_context(end_at(*source))
            self._in = opened.enter_context(end_at(*target))
            self._in.settimeout(0)
            self._close = opened.pop_all().close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def send(self, count: int = 1) -> None:
        """Send so many in a row."""
        self._batches += 1
        for _ in range(count):
            frame = self._make(len(self._sent))
            self._sent[frame[HEAD:]] = len(self._sent), time.monotonic()
            self._out.send(frame)

    def await_one(self) -> None:
        """Return once one has arrived. Raises MachineError."""
        self._await("a tracer to arrive", lambda: bool(self._came), 1)

    def await_impaired(self, bad: Impairment) -> None:
        """Return once each way in which a link is `bad` has shown. Raises MachineError."""
        self._await(f"{bad} to show", lambda: all(self._shows(bad).values()), BATCH)

    def await_sound(self, bad: Impairment) -> None:
        """Return once a batch arrives whole, intact and in order, and none as late as `bad` makes it."""

        def sound() -> bool:
            numbers = [number for number, _ in self._came]
            late = any(took * 1000 > bad.delay_ms - bad.jitter_ms for _, took in self._came) and bad.delay_ms
            return numbers == list(range(len(self._sent)))[-BATCH:] and not late

        self._await(f"an end of {bad}", sound, BATCH, forgetting=True)

    def _await(self, what: str, shown: Callable[[], bool], count: int, *, forgetting: bool = False) -> None:
        """Send batches until it is `shown`."""
        again = 0.0

        def look() -> bool:
            nonlocal again
            if time.monotonic() >= again:
                if forgetting:
                    self._came.clear()
                self.send(count)
                again = time.monotonic() + 0.3
            self._hear()
            return shown()

        try:
            wait_until(what, look, timeout=PROVEN_WITHIN_S, seen=lambda: self._came[-BATCH:])
        except WaitTimeout as vain:
            raise MachineError(str(vain), "the network does not do what was asked of it") from vain

    def _hear(self) -> None:
        try:
            while True:
                frame = self._in.recv(MOST)[HEAD:]
                if frame[6:12] == OURS:
                    number, sent = self._sent.get(frame, (None, time.monotonic()))
                    self._came.append((number, time.monotonic() - sent))
        except BlockingIOError:
            return

    def _shows(self, bad: Impairment) -> dict[str, bool]:
        """Say which ways of being bad have shown, of those that this one has."""
        numbers = [number for number, _ in self._came if number is not None]
        old = set(range((self._batches - 1) * BATCH)) - set(numbers)
        shown = {
            "delay_ms": bool(numbers) and min(took for _, took in self._came) * 1000 >= bad.delay_ms - bad.jitter_ms,
            "mbit": max((took for _, took in self._came), default=0) >= BATCH * _SIZE * 8 / bad.mbit / 2e6
            if bad.mbit
            else True,
            "loss": len(old) > len(self._came) - len(numbers),
            "duplicate": len(set(numbers)) < len(numbers),
            "reorder": numbers != sorted(numbers),
            "corrupt": len(numbers) < len(self._came),
        }
        return {way: seen for way, seen in shown.items() if getattr(bad, way)}
