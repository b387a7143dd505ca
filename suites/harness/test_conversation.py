"""A conversation is put together again from segments, however they were captured."""

import struct

import pytest

from colo_harness.machine.capture import Frame
from colo_harness.machine.conversation import pieces

SYN, ACK = 2, 16
Segment = tuple[int, bytes]


def frame(seq: int, payload: bytes, *, flags: int = ACK) -> Frame:
    """Return a captured segment."""
    head = struct.pack("!HHIIBBHHH", 9001, 40_000, seq % (1 << 32), 0, 5 << 4, flags, 0, 0, 0)
    size = 20 + len(head) + len(payload)
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, bytes(4), bytes(4)) + head + payload
    return Frame(1.0, "lo", "in", "", 0x0800, packet)


@pytest.mark.parametrize(
    "segments",
    [
        [(1, b"abc"), (4, b"def")],
        [(1, b"abc"), (1, b"abc"), (4, b"def"), (4, b"def")],
        [(4, b"def"), (1, b"abc")],
        [(1, b"abc"), (1, b"abcdef")],
        [(1, b"abcd"), (3, b"cdef")],
        [(1, b""), (1, b"abc"), (4, b""), (4, b"def"), (7, b"")],
    ],
    ids=["in order", "captured twice", "out of order", "sent again, longer", "overlapping", "with acknowledgements"],
)
@pytest.mark.parametrize("start", [0, 1000, -3])
def test_each_byte_is_told_once(segments: list[Segment], start: int) -> None:
    """In its place, also across the wrap of sequence numbers."""
    captured = [frame(start, b"", flags=SYN), *(frame(start + seq, payload) for seq, payload in segments)]
    told = list(pieces(captured))
    assert told[0].begins
    assert b"".join(piece.content for piece in told) == b"abcdef"


def test_a_gap_holds_back_what_is_behind_it() -> None:
    """What was not captured may not be skipped."""
    told = list(pieces([frame(0, b"", flags=SYN), frame(1, b"abc"), frame(7, b"xyz")]))
    assert b"".join(piece.content for piece in told) == b"abc"


def test_the_end_of_an_ethernet_frame_is_not_said() -> None:
    """Short ones are padded."""
    padded = frame(1, b"abc")
    told = list(pieces([frame(0, b"", flags=SYN), Frame(1.0, "lo", "in", "", 0x0800, padded.payload + bytes(9))]))
    assert told[1].content == b"abc"
