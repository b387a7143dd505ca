"""The deterministic content of every payload, the same as the guest's services make it."""

import re
import zlib
from functools import lru_cache

LINE = 32
_HEX = b"0123456789abcdef"
_XOR = [bytes.maketrans(_HEX, bytes(_HEX[value ^ digit] for value in range(16))) for digit in range(16)]
_LOW_DIGITS = slice(22, 26)
_XOR_DIGITS = slice(27, 31)


def lines(seed: int, record: int, size: int) -> bytes:
    r"""Return `size` bytes of lines "%08x %08x %08x %04x\n": seed, record, line, line xor record (16 bits).

    The guest makes the same in images/linux/services.c. `seed` and `record` are unsigned 32-bit numbers.
    Written column by column over a cached block of line numbers: some 100 MB/s and more.
    """
    count = -(-size // LINE)
    template, low_digits = _numbered(count)
    block = bytearray(template)
    for place, character in enumerate(b"%08x %08x " % (seed, record)):
        block[place::LINE] = bytes((character,)) * count
    for place, column in enumerate(low_digits):
        digit = record >> 4 * (3 - place) & 15
        block[_XOR_DIGITS.start + place :: LINE] = column.translate(_XOR[digit])
    return bytes(block[:size])


@lru_cache(maxsize=32)
def _numbered(count: int) -> tuple[bytes, list[bytes]]:
    """Return `count` lines of seed 0, record 0, and the four columns of their low digits."""
    block = b"".join(b"%08x %08x %08x %04x\n" % (0, 0, line, line & 0xFFFF) for line in range(count))
    return block, [block[place::LINE] for place in range(_LOW_DIGITS.start, _LOW_DIGITS.stop)]


def derived(seed: int, *names: object) -> int:
    """Return an unsigned 32-bit number that depends on the run's seed and all `names`."""
    return zlib.crc32("/".join(map(str, (seed, *names))).encode())


def digest(data: bytes) -> str:
    """Return what a history keeps of a payload: its zlib CRC-32 as 8 hex digits, a slash, its length."""
    return digest_of(zlib.crc32(data), len(data))


def digest_of(crc32: int, length: int) -> str:
    """Return the digest of a payload whose CRC-32 somebody else has computed."""
    return f"{crc32:08x}/{length}"


def difference(wanted: bytes, got: bytes) -> str:
    """Say where `got` departs from `wanted`, and which record it begins with where that is another one."""
    shared = min(len(wanted), len(got))
    at = next((i for i in range(shared) if wanted[i] != got[i]), shared)
    text = f"byte {at}: {got[at : at + 16]!r} in place of {wanted[at : at + 16]!r}"
    whose, expected = _label(got), _label(wanted)
    if whose and whose != expected:
        text += f"; it begins as record {whose[1]} of seed {whose[0]:#x}"
    return text


def record_of(data: bytes) -> int | None:
    """Return the number of the record that `data` claims to begin with, or None where it claims none."""
    label = _label(data)
    return label[1] if label else None


def _label(data: bytes) -> tuple[int, int] | None:
    match = re.match(rb"([0-9a-f]{8}) ([0-9a-f]{8}) 0{8} ", data)
    return (int(match[1], 16), int(match[2], 16)) if match else None
