"""The wire between COLO's objects: how frames travel over a socket chardev (net/net.c, net_fill_rstate)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True)
class Packet:
    """An Ethernet frame, and the virtio-net header before it where the wire carries one."""

    frame: bytes
    header: bytes = b""


class Wire:
    """One direction of a connection; with `vnet`, the length of the virtio-net header goes with each frame.

    A packet is a big-endian 32-bit length of header and frame, with `vnet` a second one of the header alone, then both.
    """

    def __init__(self, *, vnet: bool = False) -> None:
        self.vnet = vnet
        self._lengths = _LENGTH.size * (2 if vnet else 1)
        self._seen = bytearray()

    def pack(self, packet: Packet) -> bytes:
        """Return the packet as it travels."""
        whole = packet.header + packet.frame
        lengths = (len(whole), len(packet.header)) if self.vnet else (len(whole),)
        return b"".join(map(_LENGTH.pack, lengths)) + whole

    def unpack(self, data: bytes) -> Iterator[Packet]:
        """Yield each packet that is whole once `data` has come too."""
        self._seen += data
        while len(self._seen) >= self._lengths:
            (size,) = _LENGTH.unpack_from(self._seen)
            if len(self._seen) < self._lengths + size:
                return
            split = _LENGTH.unpack_from(self._seen, _LENGTH.size)[0] if self.vnet else 0
            whole = bytes(self._seen[self._lengths : self._lengths + size])
            del self._seen[: self._lengths + size]
            yield Packet(whole[split:], whole[:split])

    def forget(self) -> None:
        """Begin anew: what has come of a packet that is not whole belongs to a connection that is gone."""
        self._seen.clear()

    @property
    def rest(self) -> bytes:
        """What has come of a packet that is not whole yet."""
        return bytes(self._seen)
