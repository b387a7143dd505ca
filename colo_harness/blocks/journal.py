"""The log that blklogwrites keeps of an image (the kernel's dm-log-writes format), and what a power cut would leave."""

import struct
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import ProductFailure

_MAGIC = 0x6A736677736872
_FLUSH, _DISCARD = 1, 4


@dataclass(frozen=True)
class Write:
    """One entry: so many bytes at `at`, or a flush, which has none."""

    at: int
    content: bytes
    flush: bool


def entries(log: Path) -> list[Write]:
    """Return what was logged until the last flush; the log's head is written with each. Raises ProductFailure."""
    raw = log.read_bytes()
    if not raw:
        return []
    magic, _, number, sector = struct.unpack_from("<QQQI", raw)
    if magic != _MAGIC and number:
        raise ProductFailure(f"{log.name} is no log of writes: it begins with {magic:#x}")
    told, position = [], sector
    for _ in range(number):
        first, sectors, flags, _ = struct.unpack_from("<QQQQ", raw, position)
        position += sector
        length = 0 if flags & _DISCARD else sectors * sector
        told.append(Write(first * sector, raw[position : position + length], bool(flags & _FLUSH)))
        position += length
    return told


def cut(before: Path, writes: list[Write], after: Path) -> None:
    """Write to `after` the image that a power cut leaves of `before` when just these writes reached the medium."""
    content = bytearray(before.read_bytes())
    for write in writes:
        end = write.at + len(write.content)
        content.extend(bytes(max(0, end - len(content))))
        content[write.at : end] = write.content
    after.write_bytes(content)
