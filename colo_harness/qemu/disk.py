"""Disk images of a host, made and read with qemu-img while no QEMU has them open."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.process import run

SIZE = 64 * 2**20
"""Virtual size of every disk image, bytes."""
BLOCK = 4096
"""Bytes of a block, the unit in which the guest's disk service reads and writes."""
FIRST_SLOT = 4096
"""The block that holds slot 0 of the guest's log (images/README.md)."""
LAST_SLOT = SIZE // BLOCK - FIRST_SLOT - 1
"""The slot of the disk's last block."""
BASE_BLOCKS = 256
"""How many blocks from the start hold a pattern before the guest ever runs."""

COPYING = 600.0
"""Seconds that the copy of a disk of any size may take."""
CLUSTER = 16 * BLOCK
"""Bytes of a cluster, the unit in which an image grows (docs/interop/qcow2)."""
DIFFERENCE = re.compile(r"Content mismatch at offset (\d+)!")


def base_block(number: int) -> bytes:
    """Return what block `number` of a new disk holds."""
    return (f"base {number:08x}\n".encode() * (BLOCK // 14 + 1))[:BLOCK]


@dataclass(frozen=True)
class ImageTool:
    """qemu-img, started by `argv`."""

    argv: Sequence[str]

    def create(self, path: Path, size: int = SIZE) -> Path:
        """Make an empty qcow2 image of `size` bytes."""
        run([*self.argv, "create", "-q", "-f", "qcow2", str(path), str(size)], timeout=60)
        return path

    def size(self, path: Path) -> int:
        """Return how many bytes an image has for a guest."""
        told = json.loads(run([*self.argv, "info", "--output=json", str(path)], timeout=60))
        return int(told["virtual-size"])

    def take(self, path: Path, image: Path) -> Path:
        """Make a qcow2 image of any image that qemu-img can read, its backing chain included. Raises MachineError."""
        run([*self.argv, "convert", "-q", "-O", "qcow2", str(image), str(path)], timeout=COPYING)
        return path

    def copy(self, path: Path, image: Path) -> Path:
        """Make an image of a closed one, in the format of its name."""
        formats = ("-f", _format(image), "-O", _format(path))
        run([*self.argv, "convert", "-q", *formats, str(image), str(path)], timeout=COPYING)
        return path

    def create_base(self, path: Path) -> Path:
        """Make a qcow2 image whose first BASE_BLOCKS blocks hold `base_block`."""
        raw = path.with_suffix(".raw")
        with raw.open("wb") as image:
            for number in range(BASE_BLOCKS):
                image.write(base_block(number))
            image.truncate(SIZE)
        self.create_from(path, raw)
        raw.unlink()
        return path

    def create_full(self, path: Path, size: int) -> Path:
        """Make a qcow2 image of `size` bytes, each block of which holds `base_block`."""
        raw = path.with_suffix(".raw")
        with raw.open("wb") as image:
            for number in range(size // BLOCK):
                image.write(base_block(number))
        self.create_from(path, raw, size=size)
        raw.unlink()
        return path

    def create_from(self, path: Path, raw: Path, *, size: int = SIZE) -> Path:
        """Make a qcow2 image of `size` bytes that begins with the content of a raw one."""
        run([*self.argv, "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), str(path)], timeout=60)
        run([*self.argv, "resize", "-q", "-f", "qcow2", str(path), str(size)], timeout=60)
        return path

    def write(self, path: Path, block: int, content: bytes) -> None:
        """Write BLOCK bytes of `content` into a closed qcow2 image."""
        raw = path.with_suffix(".raw")
        run([*self.argv, "convert", "-q", "-f", "qcow2", "-O", "raw", str(path), str(raw)], timeout=60)
        with raw.open("r+b") as image:
            image.seek(block * BLOCK)
            image.write(content)
        self.create_from(path, raw, size=raw.stat().st_size)
        raw.unlink()

    def difference(self, one: Path, other: Path) -> int | None:
        """Return the first byte in which two images differ, None where none does; a QEMU may have them open.

        Raises MachineError.
        """
        formats = ("-f", _format(one), "-F", _format(other))
        told = run([*self.argv, "compare", "-U", *formats, str(one), str(other)], timeout=60, check=False)
        if found := DIFFERENCE.search(told):
            return int(found[1])
        if "Images are identical" not in told:
            raise MachineError(f"qemu-img cannot compare {one} with {other}: {told}", "look at both with qemu-img info")
        return None

    def allocated(self, path: Path) -> int:
        """Return how many bytes a closed qcow2 image without a backing file holds itself."""
        told = run([*self.argv, "map", "--output=json", "-f", "qcow2", str(path)], timeout=60)
        return sum(extent["length"] for extent in json.loads(told) if extent["data"])

    def read(self, path: Path, block: int, count: int = 1) -> bytes:
        """Return `count` blocks of a closed image, its backing chain included."""
        raw = path.with_suffix(".read")
        run([*self.argv, "convert", "-q", "-f", _format(path), "-O", "raw", str(path), str(raw)], timeout=60)
        with raw.open("rb") as image:
            image.seek(block * BLOCK)
            content = image.read(count * BLOCK)
        raw.unlink()
        return content


def _format(path: Path) -> str:
    return "raw" if path.suffix == ".raw" else "qcow2"
