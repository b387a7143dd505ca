"""Barriers: frames of a private flow, which tell that everything sent before them has been decided."""

import struct

_SOURCE = bytes.fromhex("02ba441e4a00")
_DESTINATION = bytes.fromhex("02ba441e4a01")
_HEAD = _DESTINATION + _SOURCE + b"\x08\x00"
# IPv4 without options from 192.0.2.1 to 192.0.2.2 (RFC 5737); no checksums, which nobody looks at
_IP = struct.pack("!BBHHHB", 0x45, 0, 36, 0, 0, 64)
_ADDRESSES = struct.pack("!H4s4s", 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
_UDP = struct.pack("!HHHH", 9, 9, 16, 0)
_NUMBER = struct.Struct("!Q")


def barrier(number: int, *, tcp: bool = False) -> bytes:
    """Return the barrier of this number, a UDP datagram in an Ethernet frame; or what looks like TCP without flags."""
    return _HEAD + _IP + bytes([6 if tcp else 17]) + _ADDRESSES + _UDP + _NUMBER.pack(number)


def number_of(frame: bytes) -> int | None:
    """Return the number of a barrier, None for any other frame."""
    for start in _STARTS:
        if frame.startswith(start) and len(frame) >= len(start) + _NUMBER.size:
            return int(_NUMBER.unpack_from(frame, len(start))[0])
    return None


_STARTS = [barrier(0, tcp=tcp)[: -_NUMBER.size] for tcp in (False, True)]
