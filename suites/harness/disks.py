"""Small histories of the bench of block replication."""

from typing import Self

from colo_harness.history import Entry
from suites.harness.histories import Tape

SECTORS = 1024
BEFORE = [[128, 2], [256, 3], [384, 4], [512, 5], [640, 6], [768, 7], [896, 0]]
"""What every disk holds from its second cluster on."""
P1, P2, S1 = 0x20, 0x21, 0x80
"""The values of the primary's first writes and of the secondary's first."""


class DiskTape(Tape):
    """Requests and steps told one by one."""

    def made(self) -> Self:
        """Make disks and start replication."""
        return self.add(0.01, "phase", "bench", "made", sectors=SECTORS).add(0.02, "phase", "bench", "started")

    def write(self, at: float, who: str, sector: int, number: int, value: int, outcome: str = "ok") -> Self:
        """Let a guest write."""
        return self.op(at, who, "write", {"sector": sector, "number": number, "value": value}, {}, outcome=outcome)

    def read(self, at: float, who: str, *first: list[int], **asked: int) -> Self:
        """Let somebody read all; `first` is what came of the first cluster."""
        runs = [*first, *BEFORE]
        return self.op(at, who, "read", {"sector": 0, "number": SECTORS, **asked}, {"runs": runs})


def replicated() -> list[Entry]:
    """Tell of a write on each side, of what both read before and after a checkpoint, and of the image in the end."""
    return (
        DiskTape()
        .made()
        .write(0.1, "primary", 0, 2, P1)
        .write(0.2, "secondary", 1, 2, S1)
        .read(0.3, "primary", [0, P1], [2, 1])
        .read(0.4, "secondary", [0, 1], [1, S1], [3, 1])
        .add(0.5, "observe", "secondary", "obeyed", command="xen-colo-do-checkpoint", value={})
        .add(0.6, "phase", "bench", "checkpoint")
        .read(0.7, "secondary", [0, P1], [2, 1])
        .add(0.8, "observe", "secondary", "buffers", moment="after the checkpoint", value={"active": 0, "hidden": 0})
        .read(0.9, "parent image", [0, P1], [2, 1])
        .entries
    )


def flawed() -> list[Entry]:
    """Tell of a write that the secondary's disk refuses, and of all who hear of it."""
    return (
        DiskTape()
        .made()
        .write(0.1, "secondary", 8, 1, S1, outcome="fail")
        .add(0.2, "event", "secondary", "QUORUM_REPORT_BAD", type="write")
        .add(0.3, "observe", "secondary", "refused", command="xen-colo-do-checkpoint", value="Failed to empty it")
        .add(0.4, "observe", "secondary", "replication", moment="then", value={"error": True, "desc": "I/O error"})
        .entries
    )


def unheard() -> list[Entry]:
    """Tell of a child that fails, which an event says and nothing else."""
    tape = DiskTape().made().add(0.2, "event", "primary", "QUORUM_REPORT_BAD", type="write")
    return tape.add(0.3, "observe", "primary", "replication", moment="then", value={"error": False}).entries


def powerless() -> list[Entry]:
    """Tell of two writes, the first of which is flushed, and of power cuts before, between and after."""
    tape = DiskTape().made().write(0.1, "primary", 0, 2, P1).add(0.2, "observe", "bench", "journal", value=2)
    tape.write(0.3, "primary", 1, 2, P2)
    for entries, first in enumerate(([[0, 1]], [[0, P1], [2, 1]], [[0, P1], [2, 1]], [[0, P1], [1, P2], [3, 1]])):
        tape.read(1 + entries / 10, "power cut", *first, entries=entries)
    return tape.entries
