"""Small histories of a colo-compare and of a filter-rewriter on a bench."""

from typing import Self

from colo_harness.history import Entry
from colo_harness.proxy.compare import ASK
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.session import Said, Session
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

    def said(self, at: float, port: str, name: str, frame: Said) -> Self:
        """Let a frame go in that is due to be changed."""
        header = {"header": frame.header.hex()} if frame.header else {}
        return self.add(at, "frame", port, "in", name=name, hex=frame.sent.hex(), due=frame.due.hex(), **header)

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


ROUTES = ("outdev:n1-n2 guest:n1-n2,n3?", "*", "guest:i1")


def routed() -> list[Entry]:
    """Tell of two frames that are copied and go on, of anything, and of one that comes in at indev."""
    tape = BenchTape().sent(0.1, "net", "n1", ONE).sent(0.2, "net", "n2", TWO).sent(0.3, "net", "n3", OTHER)
    for at, frame in ((0.4, ONE), (0.5, TWO)):
        tape.came(at, frame).came(at, frame, "guest")
    tape.settled(0.6).came(0.7, OTHER, "elsewhere").settled(0.8)
    return tape.sent(0.9, "indev", "i1", THREE).came(1.0, THREE, "guest").settled(1.1).entries


REFUSALS = ("not found", "in use")


def refused() -> list[Entry]:
    """Tell of two objects that are refused."""
    words = {"outdev=a": "Device 'a' not found", "outdev=b": "chardev 'b' is already in use"}
    tape = BenchTape()
    for at, (moment, value) in enumerate(words.items()):
        tape.add(at, "observe", "bench", "object-add", moment=moment, value=value)
    return tape.entries


SESSION = Session()
TICKS = [b"\x01\x01\x08\x0a" + ticks.to_bytes(4) + bytes(4) for ticks in (4_000_000_000, 4_000_000_500, 1000)]


def mapped() -> list[Entry]:
    """Tell of a client who asks, twice, and of a guest who answers, and of a datagram each way."""
    asks = [SESSION.client(b"ask"), SESSION.client(b"more", seq=4)]
    answer = SESSION.guest(b"answer")
    tape = BenchTape().said(0.1, "client_in", "c1", asks[0]).said(0.2, "client_in", "c2", asks[1])
    tape.sent(0.3, "client_in", "c3", THREE).came(0.4, asks[0].due, "guest_out").came(0.5, asks[1].due, "guest_out")
    tape.came(0.6, THREE, "guest_out").settled(0.7)
    tape.said(1.1, "guest_in", "g1", answer).sent(1.2, "guest_in", "g2", OTHER)
    return tape.came(1.3, answer.due, "client_out").came(1.4, OTHER, "client_out").settled(1.5).entries


def ticking() -> list[Entry]:
    """Tell of a guest whose clock runs on across a failover, past 2^32."""
    first, second, third = (SESSION.guest(b"tick", options=ticks) for ticks in TICKS)
    tape = BenchTape().said(0.1, "guest_in", "g1", first).came(0.2, first.due, "client_out").settled(0.3)
    tape.add(0.4, "phase", "bench", "failover")
    tape.said(0.5, "guest_in", "g2", second).came(0.6, second.due, "client_out")
    return tape.said(0.7, "guest_in", "g3", third).came(0.8, third.due, "client_out").settled(0.9).entries


def delivered() -> list[Entry]:
    """Tell of a pair that lets out a segment and a datagram, as the bench does, and of the client who gets both."""
    tape = BenchTape()
    for at, frame in ((0.1, ONE), (0.5, THREE)):
        for step, port in enumerate(("primary_in", "secondary_in"), start=1):
            tape.add(at + step / 10, "frame", port, "in", hex=frame.hex())
        tape.came(at + 0.3, frame)
        for place, who in enumerate(("client", "bench"), start=5):
            tape.add(at + place, "frame", who, "out", packet=frame[14:].hex())
    return tape.entries
