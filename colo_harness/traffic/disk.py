"""The log on the guest's replicated disk, whose records are acknowledged after they were synced."""

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from colo_harness.traffic.content import derived
from colo_harness.traffic.session import Declined, Target, WrongAnswer
from colo_harness.traffic.tcp import TcpSession


class DiskLog(TcpSession):
    """Appends texts to slots of its own, one 4 KiB block each, and reads them back.

    `slots` hands out the numbers of free slots; logs of one guest share it. `taken`, slot -> text, are this
    log's appends that were acknowledged or may have happened.
    """

    kind = "log"
    what = "append"
    port = 9005
    disk: ClassVar[int] = 0
    """Which of the guest's disks it is on."""

    def __init__(self, target: Target, name: str, *, slots: Iterator[int]) -> None:
        self.slots = slots
        self.taken: dict[int, str] = {}
        super().__init__(target, name)

    def read(self, slot: int) -> None:
        """Ask for a slot's text; the history has None for an empty one."""
        if not self._usable("read"):
            return
        with self.operation("read", slot=slot) as answer:
            line = self._ask(f"READ {slot}", certain=True)
            if line == "EMPTY":
                answer["text"] = None
                return
            prefix, _, answer["text"] = line.partition(" ")
            if prefix != str(slot):
                raise WrongAnswer(f"slot {slot} holds {line!r}")

    def read_back(self, *logs: "DiskLog") -> None:
        """Read all slots that these logs, by default this one, have taken.

        A log whose session broke is read back through another one.
        """
        self.read_slots([slot for log in logs or (self,) for slot in log.taken])

    def read_slots(self, slots: Iterable[int]) -> None:
        """Ask for the text of each of these slots."""
        for slot in slots:
            self.read(slot)

    def mark(self, slot: int) -> None:
        """Let each VM write its own side letter, 64 times, so that the two disks differ in this slot."""
        if self._usable("mark"):
            with self.operation("mark", slot=slot):
                self._confirm(slot, f"MARK {slot}")

    def rewrite(self, slots: Iterable[int]) -> None:
        """Append another text to each of these slots, as numbered operations."""
        for slot in list(slots):
            if self._usable("append"):
                self._append(self.next_record, slot)
                self.next_record += 1

    def blocks(self, numbers: Iterable[int]) -> None:
        """Ask for the CRC-32 of each of these blocks."""
        for number in numbers:
            self.block(number)

    def block(self, number: int) -> None:
        """Ask for the CRC-32 of a raw 4096-byte block of the disk."""
        if self._usable("block"):
            with self.operation("block", block=number) as answer:
                line = self._ask(f"BLOCK {number}", certain=True)
                if not re.fullmatch(r"[0-9a-f]{8}", line):
                    raise WrongAnswer(f"no checksum: {line!r}")
                answer["crc32"] = line

    def _exchange_one(self, n: int) -> None:
        self._append(n, next(self.slots))

    def _append(self, n: int, slot: int) -> None:
        text = f"{self.name}.{n}.{derived(self.seed, n):08x}"
        self.taken[slot] = text
        with self.operation("append", n=n, slot=slot, text=text):
            self._confirm(slot, f"APPEND {slot} {text}")

    def _confirm(self, slot: int, request: str) -> None:
        line = self._ask(request, certain=False)
        if line != f"OK {slot}":
            raise WrongAnswer(f"{line!r} in place of 'OK {slot}'")

    def _ask(self, request: str, *, certain: bool) -> str:
        """Return the answer's line. Raises Declined for an error of the guest's disk."""
        self.stream.send(f"{request}\n".encode())
        line = self.stream.line()
        if line.startswith("ERROR "):
            raise Declined(line.removeprefix("ERROR "), certain=certain)
        return line


class SecondDiskLog(DiskLog):
    """The same on the second disk of a guest that has two."""

    kind = "second-log"
    port = 9008
    disk = 1
