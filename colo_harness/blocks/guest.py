"""What a guest does to its disk: whole sectors of one value each, which tells whose they are."""

import os
from collections.abc import Iterator
from errno import errorcode
from pathlib import Path

from colo_harness.blocks.nbd import Command, Export
from colo_harness.history import History, Operation

SECTOR = 512
CLUSTER = 128
"""Sectors of an image's cluster, the unit in which images grow and the backup copies."""
SECTORS = 8 * CLUSTER
"""Of every disk on a bench."""
VALUES = {"primary": range(0x20, 0x80), "secondary": range(0x80, 0x100)}
"""Of the sectors that each side writes, one after the other; lower ones were there before, and 0 is an empty sector."""
MIXED = -1
"""The value of a sector whose bytes are not all alike."""


def before() -> bytes:
    """Return what both disks hold before all: sectors with the number of their cluster, the last cluster empty."""
    return b"".join(bytes([1 + number]) * CLUSTER * SECTOR for number in range(SECTORS // CLUSTER - 1))


def runs(content: bytes, since: int = 0) -> list[tuple[int, int]]:
    """Return where the value of the sectors changes, and to which, from the first sector, `since`, on."""
    told: list[tuple[int, int]] = []
    for at in range(0, len(content), SECTOR):
        sector = content[at : at + SECTOR]
        value = sector[0] if sector == sector[:1] * SECTOR else MIXED
        if not told or told[-1][1] != value:
            told.append((since + at // SECTOR, value))
    return told


class Guest:
    """The guest of `side`: what it asks of its disk, an export at `path`, and is told, goes into the history."""

    def __init__(self, side: str, path: Path, history: History, values: Iterator[int], *, timeout: float) -> None:
        self._side = side
        self._history = history
        self._values = values
        self._export = Export(path, "disk", timeout=timeout)
        self._open: dict[int, tuple[Operation, int]] = {}

    def close(self) -> None:
        """Let go of the disk."""
        self._export.close()

    def write(self, sector: int, number: int = 1) -> None:
        """Fill `number` sectors with the side's next value."""
        self.begin_write(sector, number)
        self.end()

    def begin_write(self, sector: int, number: int = 1) -> None:
        """As `write`, and do not wait for the answer; it is left to `end`."""
        value = next(self._values)
        operation = self._history.invoke(self._side, "write", sector=sector, number=number, value=value)
        self._ask(operation, Command.WRITE, sector, content=bytes([value]) * number * SECTOR)

    def zero(self, sector: int, number: int = 1) -> None:
        """Let the disk fill `number` sectors with zeros."""
        operation = self._history.invoke(self._side, "write", sector=sector, number=number, value=0)
        self._ask(operation, Command.ZERO, sector, number)
        self.end()

    def read(self, sector: int = 0, number: int | None = None) -> None:
        """Read sectors, to the end if no number is given."""
        number = SECTORS - sector if number is None else number
        operation = self._history.invoke(self._side, "read", sector=sector, number=number)
        self._ask(operation, Command.READ, sector, number)
        self.end()

    def flush(self) -> None:
        """Have all that was written put on the medium."""
        self._ask(self._history.invoke(self._side, "flush"), Command.FLUSH)
        self.end()

    def end(self) -> None:
        """Take in the answers to all that was asked."""
        while self._open:
            try:
                number, error, content = self._export.answer()
            except OSError as silence:
                for operation, _ in self._open.values():
                    operation.info(error=type(silence).__name__)
                self._open.clear()
                return
            operation, sector = self._open.pop(number)
            if error:
                operation.fail(error=errorcode.get(error, str(error)), why=os.strerror(error))
            elif operation.what == "read":
                operation.ok(runs=runs(content, sector))
            else:
                operation.ok()

    def _ask(
        self, operation: Operation, command: Command, sector: int = 0, number: int = 0, content: bytes = b""
    ) -> None:
        try:
            asked = self._export.ask(command, at=sector * SECTOR, length=number * SECTOR, content=content)
        except OSError as gone:
            operation.info(error=type(gone).__name__)
        else:
            self._open[asked] = (operation, sector)


def values(side: str) -> Iterator[int]:
    """Return the values of a side's writes; Raises StopIteration when it has none left."""
    return iter(VALUES[side])
