"""A segment: what a wire of ours has to know of IPv4 and TCP to refuse one, to spoil one, or to make one up."""

import socket
import struct
from dataclasses import dataclass

from colo_harness.machine.wire import HEAD

TCP, UDP, ICMP = 6, 17, 1
_IS_IPV4 = b"\x08\x00"
BROADCAST = b"\xff" * 6
NOBODY = "192.0.2.1"
"""An address for documents (RFC 5737): no machine of ours has it."""
UNUSED = 253
"""A protocol for experiments (RFC 3692): no machine of ours answers it."""
_LINK = HEAD + 14
_IP, _TCP = struct.Struct("!BBHHHBBH4s4s"), struct.Struct("!HHIIBBHHH")
_RST, _ACK = 0x04, 0x10
_SUM_AT = {TCP: 16, UDP: 6, ICMP: 2}
"""Where a packet of each protocol has its checksum, from the end of the IP header on."""


@dataclass(frozen=True)
class Segment:
    """A TCP segment, as its headers tell; `length` is how far it moves the sequence number on."""

    link: bytes
    source: bytes
    to: bytes
    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int
    length: int

    def refusal(self) -> bytes:
        """Return the reset that a closed port answers this with (RFC 9293, 3.10.7.1), as a frame with its head."""
        link = self.link[6:12] + self.link[:6] + self.link[12:]
        seq, ack, flags = (self.ack, 0, _RST) if self.flags & _ACK else (0, self.seq + self.length, _RST | _ACK)
        return made(self.to, self.source, (self.ports[1], self.ports[0]), seq=seq, ack=ack, flags=flags, link=link)


def parsed(frame: bytes) -> Segment | None:
    """Return the TCP segment that a frame with its head carries, None for any other frame."""
    if (start := payload_at(frame, TCP)) is None or len(frame) < start + _TCP.size:
        return None
    _, _, size, *_, source, to = _IP.unpack_from(frame, _LINK)
    sender, receiver, seq, ack, offset, flags, *_ = _TCP.unpack_from(frame, start)
    data = _LINK + size - start - (offset >> 4) * 4
    length = data + bool(flags & 0x02) + bool(flags & 0x01)
    return Segment(frame[HEAD:_LINK], source, to, (sender, receiver), seq, ack, flags, length)


def payload_at(frame: bytes, protocol: int | None = None) -> int | None:
    """Return where the payload of an IPv4 packet of this protocol, or of any, begins; None for another frame."""
    if len(frame) < _LINK + _IP.size or frame[_LINK - 2 : _LINK] != _IS_IPV4:
        return None
    start = _LINK + (frame[_LINK] & 15) * 4
    if protocol not in (None, frame[_LINK + 9]) or not start < end_of(frame) <= len(frame):
        return None
    return start


def end_of(frame: bytes) -> int:
    """Return where the IPv4 packet ends: what is behind it is padding."""
    return _LINK + int(_IP.unpack_from(frame, _LINK)[2])


def made(source: bytes, to: bytes, ports: tuple[int, int], *, seq: int, ack: int, flags: int, link: bytes) -> bytes:
    """Return a segment without data, in a frame with its head; `link` is its Ethernet header."""
    tcp = _TCP.pack(*ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 0, 0, 0)
    return packet(socket.inet_ntoa(source), socket.inet_ntoa(to), TCP, tcp, link=link)


def packet(source: str, to: str, protocol: int, payload: bytes, *, link: bytes) -> bytes:
    """Return an IPv4 packet with all its checksums, in a frame with its head."""
    addresses = socket.inet_aton(source), socket.inet_aton(to)
    ip = _IP.pack(0x45, 0, _IP.size + len(payload), 0, 0, 64, protocol, 0, *addresses)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return summed(bytes(HEAD) + link + ip + payload)


def summed(frame: bytes) -> bytes:
    """Return the frame with its packet's checksum made right, where its protocol has one that is ours to know."""
    start = payload_at(frame)
    if start is None or (place := _SUM_AT.get(frame[_LINK + 9])) is None or end_of(frame) < start + place + 2:
        return frame
    payload = bytearray(frame[start : end_of(frame)])
    payload[place : place + 2] = b"\0\0"
    addresses = frame[_LINK + 12 : _LINK + 20]
    pseudo = addresses + struct.pack("!HH", frame[_LINK + 9], len(payload)) if frame[_LINK + 9] != ICMP else b""
    payload[place : place + 2] = struct.pack("!H", checksum(pseudo + bytes(payload)))
    return frame[:start] + bytes(payload) + frame[end_of(frame) :]


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
