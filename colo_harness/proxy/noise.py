"""Noise: frames of any size, no two of them alike, for objects that do not look into them."""

import random
import struct

from colo_harness.proxy.flow import CLIENT_MAC, GUEST_MAC

EXPERIMENTAL = 0x88B5
"""An ethertype that nobody has a meaning for (IEEE 802, local experimental)."""
SMALLEST, LARGEST = 60, 65_535
SIZES = (*range(SMALLEST, 130), 590, 1399, 1400, 1401, 1514, 1518, 4095, 4096, 9018, 16_385, 65_001, 65_534, LARGEST)
"""Of frames: odd and even ones, and around what links, buffers and offloads take."""


def noise(size: int, number: int = 0) -> bytes:
    """Return a frame of this size, the same one for the same numbers."""
    head = CLIENT_MAC + GUEST_MAC + struct.pack("!H", EXPERIMENTAL)
    return head + random.Random(f"{size} {number}").randbytes(size - len(head))  # noqa: S311 - no secret


def noises(count: int, size: int = SMALLEST) -> list[bytes]:
    """Return this many frames of one size."""
    return [noise(size, number) for number in range(count)]
