"""Frames as a guest sends them, for tests of what reads them."""

import socket
import struct

GUEST, PEER = "10.77.0.10", "10.77.0.1"


def ipv4(protocol: int, body: bytes, *, peer: str = PEER, ident: int = 0) -> bytes:
    """Return an Ethernet frame with an IPv4 packet."""
    ends = socket.inet_aton(GUEST) + socket.inet_aton(peer)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, 0, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + head + ends + body


def tcp(payload: bytes, *, seq: int, ack: int = 1, flags: int = 0x18, port: int = 7, peer_port: int = 50_000) -> bytes:
    """Return a segment."""
    head = struct.pack("!HHIIBBHHH", port, peer_port, seq % (1 << 32), ack, 5 << 4, flags, 1000, 0, 0)
    return ipv4(6, head + payload)


def udp(payload: bytes, *, port: int = 7, peer_port: int = 50_000) -> bytes:
    """Return a datagram."""
    return ipv4(17, struct.pack("!HHHH", port, peer_port, 8 + len(payload), 0) + payload)


def icmp(payload: bytes, *, number: int = 1) -> bytes:
    """Return an echo reply."""
    return ipv4(1, struct.pack("!BBHHH", 0, 0, 0, 7, number) + payload)
