"""What blocks hold that were filled with one letter."""

import zlib

from colo_harness.qemu.disk import BLOCK


def full_of(letters: dict[int, str]) -> dict[int, str]:
    """Return the CRC-32 of each of these blocks, which are full of a letter."""
    return {block: f"{zlib.crc32(letter.encode() * BLOCK):08x}" for block, letter in letters.items()}
