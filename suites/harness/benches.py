"""Small histories of a colo-compare on a bench."""

from typing import Self

from colo_harness.history import Entry
from colo_harness.proxy.compare import ASK
from colo_harness.proxy.flow import Flow
from suites.harness.histories import Tape

LONG = bytes(1440)
ONE, TWO, THREE = Flow().tcp(LONG), Flow().tcp(b"two", seq=2440), Flow().udp(b"three")
OTHER = Flow().udp(b"other")


class BenchTape(Tape):
    """Frames told one by one."""

    def sent(self, at: float, port: str, name: str, frame: bytes) -> Self:
        """Let a frame go in."""
        return self.add(at, "frame", port, "in", name=name, hex=frame.hex())

    def came(self, at: float, frame: bytes, port: str = "outdev") -> Self:
        """Let a frame come out."""
        return self.add(at, "frame", port, "out", hex=frame.hex())

    def asked(self, at: float) -> Self:
        """Let a checkpoint be asked for."""
        return self.came(at, ASK, "notify_dev")

    def settled(self, at: float, what: str = "settled") -> Self:
        """End a step."""
        return self.add(at, "phase", "bench", what)


STEPS = ("p1 p2", "ask", "p3")


def compared() -> list[Entry]:
    """Tell of two segments that are alike, of a datagram that differs, and of the checkpoint that releases it."""
    return (
        BenchTape()
        .sent(0.1, "primary_in", "p1", ONE)
        .sent(0.2, "primary_in", "p2", TWO)
        .sent(0.3, "secondary_in", "s1", ONE)
        .sent(0.4, "secondary_in", "s2", TWO)
        .came(0.5, ONE)
        .came(0.6, TWO)
        .settled(0.7)
        .sent(1.1, "primary_in", "p3", THREE)
        .sent(1.2, "secondary_in", "s3", OTHER)
        .asked(1.3)
        .settled(1.4)
        .came(2.1, THREE)
        .settled(2.2)
        .entries
    )


def waited() -> list[Entry]:
    """Tell of a lone frame that is asked about after half a second, thrice, 0.2 s apart."""
    tape = BenchTape().sent(1.0, "primary_in", "p1", ONE).asked(1.5).asked(1.7).asked(1.9)
    return tape.settled(2.0).entries


def strained() -> list[Entry]:
    """Tell of a QEMU that is weighed twice and answers in between."""
    return (
        BenchTape()
        .add(0.1, "observe", "bench", "memory-kib", moment="before", value=40_000)
        .add(0.2, "observe", "bench", "monitor", moment="meanwhile", value="answers")
        .add(0.3, "observe", "bench", "memory-kib", moment="after", value=40_500)
        .entries
    )


def played() -> list[Entry]:
    """Tell of the same, a step for each frame, and of how often it happened."""
    tape = BenchTape().sent(0.1, "primary_in", "p1", ONE).settled(0.2).sent(0.3, "primary_in", "p2", TWO).settled(0.4)
    tape.sent(0.5, "secondary_in", "s1", ONE).came(0.6, ONE).settled(0.7)
    tape.sent(0.8, "secondary_in", "s2", TWO).came(0.9, TWO).settled(1.0)
    return tape.add(1.1, "observe", "explorer", "tally", value={"said primary": 2}).entries
