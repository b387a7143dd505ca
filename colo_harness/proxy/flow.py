"""Flows: the frames of one 5-tuple, as a guest sends them, made in microseconds.

`suites/harness/test_flow.py` holds each kind against scapy, which takes a millisecond for a frame.
"""

import socket
import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

GUEST_MAC, CLIENT_MAC = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
IPV4, ARP, IPV6, VLAN = 0x0800, 0x0806, 0x86DD, 0x8100
ICMP, TCP, UDP = 1, 6, 17
FLAGS = {letter: 1 << bit for bit, letter in enumerate("FSRPAU")}
ISN = 1000
"""Where sequence numbers begin, unless a test says otherwise."""
_CYCLE = 1 << 32


def ethernet(payload: bytes, kind: int = IPV4, *, source: bytes = GUEST_MAC, to: bytes = CLIENT_MAC) -> bytes:
    """Return an Ethernet frame of this ethertype."""
    return to + source + struct.pack("!H", kind) + payload


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class Ip:
    """What an IPv4 header says beside addresses and protocol; `fragment` counts 8 bytes; `options` fill words."""

    ident: int = 1
    tos: int = 0
    ttl: int = 64
    options: bytes = b""
    fragment: int = 0
    more: bool = False

    def header(self, protocol: int, source: bytes, to: bytes, size: int) -> bytes:
        """Return the header of a packet with `size` bytes of payload."""
        words = 5 + len(self.options) // 4
        flags = self.fragment | (1 << 13 if self.more else 0)
        parts = (words | 0x40, self.tos, words * 4 + size, self.ident, flags, self.ttl, protocol)
        head = struct.pack("!BBHHHBBH4s4s", *parts, 0, source, to) + self.options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


@dataclass(frozen=True)
class Flow:
    """The frames that the guest sends to one peer, from one port of its own to one of the peer's.

    `changed` returns a flow that differs in some of the fields.
    """

    guest: str = "10.0.0.1"
    peer: str = "10.0.0.2"
    guest_port: int = 80
    peer_port: int = 40000
    ip: Ip = Ip()

    def changed(self, **fields: object) -> Self:
        """Return a flow that differs in these fields, or in those of its IP header."""
        own = {name: value for name, value in fields.items() if name in self.__dataclass_fields__}
        ip = {name: value for name, value in fields.items() if name not in own}
        return replace(self, **{"ip": replace(self.ip, **ip), **own})  # type: ignore[arg-type]  # a wrong field is a TypeError

    def tcp(
        self,
        payload: bytes = b"",
        *,
        seq: int = ISN,
        ack: int = 1,
        flags: str = "PA",
        window: int = 8192,
        options: bytes = b"",
    ) -> bytes:
        """Return a segment; `flags` are initials (FSRPAU), `options` fill words."""
        bits = sum(FLAGS[letter] for letter in flags)
        head = struct.pack(
            "!HHIIBBHHH",
            *(self.guest_port, self.peer_port, seq % _CYCLE, ack % _CYCLE),
            *((5 + len(options) // 4) << 4, bits, window, 0, 0),
        )
        return self._summed(TCP, head + options + payload, at=16)

    def segments(self, payload: bytes, *cuts: int, seq: int = ISN, ack: int = 1) -> list[bytes]:
        """Return the payload in segments that end at `cuts` (offsets, ascending) and at its end."""
        bounds = (0, *cuts, len(payload))
        return [self.tcp(payload[start:end], seq=seq + start, ack=ack) for start, end in pairwise(bounds)]

    def udp(self, payload: bytes = b"") -> bytes:
        """Return a datagram."""
        head = struct.pack("!HHHH", self.guest_port, self.peer_port, 8 + len(payload), 0)
        return self._summed(UDP, head + payload, at=6)

    def icmp(self, payload: bytes = b"", *, kind: int = 0, ident: int = 1, number: int = 1) -> bytes:
        """Return an ICMP message, an answer to an echo unless `kind` says otherwise."""
        head = struct.pack("!BBHHH", kind, 0, 0, ident, number)
        body = head + payload
        return self.packet(ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])

    def packet(self, protocol: int, body: bytes) -> bytes:
        """Return a frame of any IPv4 protocol."""
        source, to = socket.inet_aton(self.guest), socket.inet_aton(self.peer)
        return ethernet(self.ip.header(protocol, source, to, len(body)) + body)

    def _summed(self, protocol: int, body: bytes, *, at: int) -> bytes:
        """Return the frame with the checksum at this offset of the body, of pseudo header and body."""
        addresses = socket.inet_aton(self.guest) + socket.inet_aton(self.peer)
        total = checksum(addresses + struct.pack("!BBH", 0, protocol, len(body)) + body)
        if protocol == UDP and total == 0:
            total = 0xFFFF  # RFC 768: 0 says that there is none
        return self.packet(protocol, body[:at] + struct.pack("!H", total) + body[at + 2 :])
