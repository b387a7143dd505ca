"""What two programs said to each other over TCP, put together again from a capture."""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from colo_harness.machine.capture import IPV4, Frame

_TCP = 6
_SYN = 2
_SHORTEST = 20
"""Bytes that a header of IPv4, and one of TCP, has at least."""


@dataclass(frozen=True)
class Piece:
    """Bytes that came at `at` (CLOCK_REALTIME, seconds) from one end to the other, in their order."""

    at: float
    source: tuple[str, int]
    target: tuple[str, int]
    content: bytes
    begins: bool = False
    """A new connection begins here; nothing is carried over from one before."""


@dataclass
class _Direction:
    """How far one direction of a connection is known; later segments wait until the gap before them is filled."""

    expected: int | None = None
    early: dict[int, bytes] = field(default_factory=dict)

    def take(self, seq: int, payload: bytes) -> bytes:
        """Take a segment in; return what follows the bytes that were returned before."""
        if self.expected is None:
            self.expected = seq
        self.early[seq] = max(payload, self.early.get(seq, b""), key=len)
        found = b""
        while (start := next((one for one in self.early if self._behind(one) >= 0), None)) is not None:
            behind, segment = self._behind(start), self.early.pop(start)
            found += segment[behind:]
            self.expected = (self.expected + max(len(segment) - behind, 0)) % (1 << 32)
        return found

    def _behind(self, seq: int) -> int:
        """Return by how many bytes a sequence number lies behind what is expected."""
        return ((self.expected or 0) - seq + (1 << 31)) % (1 << 32) - (1 << 31)


def pieces(frames: Iterable[Frame]) -> Iterator[Piece]:
    """Yield what was said, once, however often a segment was captured or sent again."""
    known: dict[tuple[tuple[str, int], tuple[str, int]], _Direction] = {}
    for frame in frames:
        packet = frame.payload
        if frame.ethertype != IPV4 or len(packet) < _SHORTEST or packet[9] != _TCP:
            continue
        size, start = struct.unpack_from("!H", packet, 2)[0] or len(packet), (packet[0] & 15) * 4
        if len(packet) < start + _SHORTEST:
            continue
        near, far, seq, _, offset, flags = struct.unpack_from("!HHIIBB", packet, start)
        source, target = ((socket.inet_ntoa(packet[at : at + 4]), port) for at, port in ((12, near), (16, far)))
        begins = bool(flags & _SYN)
        if begins or (source, target) not in known:
            known[source, target] = _Direction(seq + 1 if begins else None)
        content = known[source, target].take(seq + begins, packet[start + (offset >> 4) * 4 : size])
        if content or begins:
            yield Piece(frame.at, source, target, content, begins)
