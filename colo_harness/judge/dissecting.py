"""A frame, taken apart as far as COLO's comparison looks at it."""

import struct
from dataclasses import dataclass
from typing import Literal

ICMP, TCP, UDP = 1, 6, 17
_ETHERNET = 14
_IPV4 = b"\x08\x00"
_IPV4_HEADER, _TCP_HEADER = 20, 20
_PORTS = (TCP, UDP, 33, 132, 136)  # and DCCP, SCTP, UDP-Lite: two ports of 16 bits are in front
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16

Word = int | Literal["SYN", "FIN", "RST"]
"""What stands at one place of a TCP stream: a byte, or one of the flags that take a number (RFC 9293, 3.4), or RST."""
StreamId = tuple[int, bytes, bytes]
"""Protocol, addresses, ports."""


@dataclass(frozen=True)
class Segment:
    """What a TCP segment says: its words from `seq` on, and how far it acknowledges, None if it does not."""

    seq: int
    ack: int | None
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Dissected:
    """A frame: its stream, None for one that is not compared; `text` is what has to be alike in a datagram."""

    stream: StreamId | None
    text: bytes = b""
    segment: Segment | None = None


def dissect(frame: bytes) -> Dissected:
    """Take a frame apart. What is no IPv4, or too short for what it says to be, is not compared."""
    if frame[12:14] != _IPV4 or len(frame) < _ETHERNET + _IPV4_HEADER:
        return Dissected(None)
    head = (frame[_ETHERNET] & 15) * 4
    (total,) = struct.unpack_from("!H", frame, _ETHERNET + 2)
    protocol = frame[_ETHERNET + 9]
    body = frame[_ETHERNET + head : _ETHERNET + total]  # without what fills the frame up
    ports = body[:4] if protocol in _PORTS else b""
    stream = (protocol, frame[_ETHERNET + 12 : _ETHERNET + 20], ports)
    if protocol == TCP and len(body) < _TCP_HEADER:
        return Dissected(None)
    if protocol == TCP:
        return Dissected(stream, segment=_segment(body))
    return Dissected(stream, text=body if protocol in (UDP, ICMP) else frame)


def _segment(body: bytes) -> Segment:
    seq, ack, words, flags = struct.unpack_from("!IIBB", body, 4)
    said: tuple[Word, ...] = tuple(body[(words >> 4) * 4 :])
    if flags & _SYN:
        said = ("SYN", *said)
    if flags & _FIN:
        said = (*said, "FIN")
    if flags & _RST:
        said = (*said, "RST")
    return Segment(seq, ack if flags & _ACK else None, said)
