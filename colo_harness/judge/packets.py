"""A guest's frame, taken apart as far as colo-compare looks at it (net/colo.c, parse_packet_early)."""

import socket
import struct
from dataclasses import dataclass
from typing import Literal

_ETHERNET, _IPV4 = 14, b"\x08\x00"
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
_TCP, _UDP = 6, 17
_PORTED = (_TCP, _UDP, 33, 132, 136)  # and DCCP, SCTP, UDP-Lite
_TCP_SIZE, _UDP_SIZE, _ICMP_SIZE, _PORTS_SIZE = 20, 8, 8, 4


Ear = Literal["primary_in", "secondary_in", "outdev"]
"""colo-compare's names of its streams."""


@dataclass(frozen=True)
class Heard:
    """An Ethernet frame in one of colo-compare's streams; `at` is in seconds of the history, `line` a line of it."""

    at: float
    ear: Ear
    frame: bytes
    line: int = 0


@dataclass(frozen=True)
class Flow:
    """What a guest sends to one peer by one protocol; ports are 0 where the protocol has none."""

    protocol: str
    guest: str
    guest_port: int
    peer: str
    peer_port: int

    @property
    def service(self) -> str:
        """The flow without what each session has of its own: the end that was not drawn at random."""
        if not self.guest_port:
            return f"{self.protocol} {self.guest}"
        if self.guest_port <= self.peer_port:
            return f"{self.protocol} {self.guest}:{self.guest_port}"
        return f"{self.protocol} {self.guest} to {self.peer}:{self.peer_port}"

    def __str__(self) -> str:
        ends = (f"{self.guest}:{self.guest_port}", f"{self.peer}:{self.peer_port}")
        return f"{self.protocol} {' to '.join(ends if self.guest_port else (self.guest, self.peer))}"


@dataclass(frozen=True)
class Packet:
    """An IPv4 packet; `header` is its transport's, and `seq`, `ack` and `syn` are TCP's."""

    flow: Flow
    header: bytes
    payload: bytes
    size: int
    """Of the whole frame."""
    seq: int = 0
    ack: int = 0
    syn: bool = False


def parse(frame: bytes) -> Packet | None:
    """Take an Ethernet frame apart; None for what colo-compare does not compare, or cannot read."""
    if len(frame) < _ETHERNET + 20 or frame[12:14] != _IPV4:
        return None
    start = _ETHERNET + (frame[_ETHERNET] & 15) * 4
    number = frame[_ETHERNET + 9]
    guest, peer = (socket.inet_ntoa(frame[at : at + 4]) for at in (26, 30))
    body = frame[start:]
    if number in (_TCP, _UDP) and len(body) < (_TCP_SIZE if number == _TCP else _UDP_SIZE):
        return None
    ports = struct.unpack_from("!HH", body) if number in _PORTED and len(body) >= _PORTS_SIZE else (0, 0)
    flow = Flow(_PROTOCOLS.get(number, f"ip-{number}"), guest, ports[0], peer, ports[1])
    if number == _TCP:
        seq, ack, offset, flags = struct.unpack_from("!IIBB", body, 4)
        head = (offset >> 4) * 4
        return Packet(flow, body[:head], body[head:], len(frame), seq, ack, bool(flags & 2))
    head = {"udp": _UDP_SIZE, "icmp": _ICMP_SIZE}.get(flow.protocol, 0)
    return Packet(flow, body[:head], body[head:], len(frame))
