"""Small histories, told tersely, and the one change that spoils each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

from hypothesis import settings

from colo_harness.history import Entry, Kind
from colo_harness.judge.replay import step
from colo_harness.proxy.flow import Flow

Match = Callable[[Entry], bool]

in_a_crowd = settings(deadline=None, max_examples=60)
"""Several people's work may share the machine, which slows single examples."""


class Tape:
    """Entries told one by one; lines are numbered as in a file, where the header is line 1."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._op = 0

    def add(self, at: float, kind: Kind, who: str, what: str, /, **data: Any) -> Self:
        """Add an entry."""
        self.entries.append(Entry(at, kind, who, what, data, len(self.entries) + 2))
        return self

    def op(
        self,
        at: float,
        who: str,
        what: str,
        asked: dict[str, Any] | None = None,
        answer: dict[str, Any] | None = None,
        *,
        took: float = 0.01,
        outcome: str | None = "ok",
    ) -> Self:
        """Add an operation's invoke and, unless `outcome` is None, its end `took` seconds later."""
        self.add(at, "op", who, what, op=self._op, type="invoke", **(asked or {}))
        if outcome:
            self.add(at + took, "op", who, what, op=self._op, type=outcome, **(answer or {}))
        self._op += 1
        return self

    def echo(self, at: float, n: int, *, who: str = "echo-0", what: str = "echo", took: float = 0.01) -> Self:
        """Add a record that comes back whole."""
        content = f"512:{n:08x}"
        return self.op(at, who, what, {"n": n}, {"sent": content, "got": content}, took=took)

    def phase(self, at: float, what: str, **data: Any) -> Self:
        """Add a step of the procedure."""
        return self.add(at, "phase", "pair", what, **data)

    def fault(self, at: float, moment: str, number: int = 0, **data: Any) -> Self:
        """Add a moment of a fault."""
        return self.add(at, "fault", "nemesis", "Kill('primary')", type=moment, fault=number, **data)

    def message(self, at: float, host: str, direction: str, name: str) -> Self:
        """Add a traced message of the checkpoint stream."""
        return self.add(at, "trace", host, f"colo_{direction}_message", message=name)

    def checkpoint(self, at: float, host: str = "host_a") -> Self:
        """Add a checkpoint of the primary that starts at `at` and takes 50 ms; its commit is at 30 ms."""
        return (
            self.message(at - 0.005, host, "send", "checkpoint-request")
            .message(at - 0.001, host, "receive", "checkpoint-reply")
            .add(at, "event", host, "STOP")
            .message(at + 0.010, host, "send", "vmstate-send")
            .message(at + 0.020, host, "send", "vmstate-size")
            .message(at + 0.030, host, "receive", "vmstate-received")
            .message(at + 0.045, host, "receive", "vmstate-loaded")
            .add(at + 0.050, "event", host, "RESUME")
        )


def failover() -> list[Entry]:
    """Tell of a primary that is killed at 5 s, idle, and of a secondary that is promoted at 5.4 s."""
    tape = Tape().phase(0, "start").phase(1, "replicating").op(1.1, "echo-0", "connect")
    for second in (2, 3, 4):
        tape.checkpoint(second)
    for n, at in enumerate((2.1, 3.1, 4.1)):
        tape.echo(at, n)
        tape.echo(at, n, who="udp-0", what="udp")
        tape.op(at, "log-0", "append", {"slot": n, "text": f"log-0.{n}"})
    one, two = step(0, 7, 1), step(step(0, 7, 1), 8, 2)
    tape.op(2.2, "counter-0", "counter-add", {"key": 0, "value": 7}, {"n": 1, "state": one})
    tape.op(4.2, "counter-0", "counter-add", {"key": 0, "value": 8}, {"n": 2, "state": two})
    tape.fault(5, "inject", allows=["colo-exit-error"]).fault(5.01, "bitten")
    tape.echo(5.1, 3, took=0.8).op(5.1, "udp-0", "udp", {"n": 3}, {"error": "TimeoutError"}, outcome="info", took=1.0)
    tape.echo(4.9, 0, who="download-0", what="download", took=1.0)
    tape.add(5.15, "event", "host_b", "COLO_EXIT", mode="secondary", reason="error")
    tape.phase(5.2, "failover", role="secondary", host="host_b")
    tape.add(5.25, "stderr", "host_b", "qemu-system-x86_64: Can't receive COLO message")
    tape.phase(5.4, "promoted", role="secondary", host="host_b")
    states = {"status": "running", "running": True}
    tape.add(5.5, "observe", "host_b", "query-status", value=states, moment="after failover")
    tape.op(6.0, "echo-1", "connect").echo(6.1, 0, who="echo-1").echo(6.2, 4)
    for n in range(3):
        tape.op(6.3, "log-1", "read", {"slot": n}, {"text": f"log-0.{n}"})
    tape.op(6.4, "counter-1", "counter-get", {"key": 0}, {"n": 2, "state": two})
    three = step(two, 9, 3)
    tape.op(6.5, "counter-0", "counter-add", {"key": 0, "value": 9}, {"n": 3, "state": three})
    tape.add(6.6, "console", "host_b", "GUEST-READY")
    tape.phase(8, "end").fault(8.1, "heal").fault(8.2, "healed")
    return tape.add(8.3, "observe", "host_a", "exit-status", value=-9).entries


def resumed() -> list[Entry]:
    """Tell of a primary that is killed at 2 s, and of a pair that replicates again from 4 s on, until it loses another.

    The clients are answered all the time; the disks are compared at 7 s.
    """
    return _resumed().entries


def turned() -> list[Entry]:
    """Tell of the same as two turns of a schedule, the second of which takes from 8 to 10 s; echo-1 is there in it."""
    tape = _resumed().echo(8.5, 0, who="echo-1").echo(9.6, 1, who="echo-1")
    for number, at in enumerate((1.2, 8), start=1):
        tape.phase(at, "turn", number=number, turn="kill-primary@idle+nothing")
    return tape.add(10, "observe", "pair", "disks", moment="turn 2", differs_at=None).entries


def _resumed() -> Tape:
    tape = Tape().phase(1, "replicating")
    for n, at in enumerate((1.5, 2.5, 5.5, 6.5, 9.7)):
        tape.echo(at, n)
    for number, (lost, survivor) in enumerate((("host_a", "host_b"), ("host_b", "host_a"))):
        at = 2 + 7 * number
        tape.fault(at, "inject", number).fault(at, "bitten", number, host=lost)
        tape.phase(at + 0.2, "promoted", host=survivor)
    tape.phase(3, "resume", host="host_b").phase(4, "replicating")
    for second in (5, 6):
        tape.checkpoint(second, "host_b").checkpoint(second, "host_a")
    return tape.add(7, "observe", "pair", "disks", moment="turn 1", differs_at=None)


def entry() -> list[Entry]:
    """Tell of a pair that enters COLO through the documented states."""
    tape = Tape().phase(0, "start")
    for at, status in enumerate(("setup", "active", "device", "colo"), start=1):
        tape.add(at, "event", "host_a", "MIGRATION", status=status)
    for at, status in enumerate(("active", "colo"), start=2):
        tape.add(at, "event", "host_b", "MIGRATION", status=status)
    return tape.phase(5, "replicating").entries


def progress() -> list[Entry]:
    """Tell of three checkpoints on both sides, after each of which both guests print something."""
    tape = Tape().phase(0, "watch")
    for second in (1, 2, 3):
        for host in ("host_a", "host_b"):
            tape.checkpoint(second, host).add(second + 0.5, "console", host, f"{second:08x}")
    return tape.phase(4, "watched").entries


def pace() -> list[Entry]:
    """Tell of five checkpoints 1 s apart, of which the watched stretch holds four, and of equal answers between."""
    tape = Tape()
    for second in (1, 2, 3, 4, 5):
        tape.checkpoint(second)
    tape.phase(1.5, "watch", delay_s=1.0).phase(5.5, "watched")
    for n, at in enumerate((1.6, 2.6, 3.6)):
        tape.echo(at, n)
    return tape.entries


def new_delay() -> list[Entry]:
    """Tell of a delay of 2 s that is set at 1 s: a checkpoint at once, and two more 2 s apart."""
    tape = Tape().phase(0, "watch", delay_s=10.0).phase(1, "delay", delay_s=2.0)
    return tape.checkpoint(1.1).checkpoint(3.1).checkpoint(5.1).phase(6, "watched").entries


def rests() -> list[Entry]:
    """Tell of a secondary that runs ahead of its resting primary, alone, and behind it; a checkpoint each time."""
    tape = Tape().checkpoint(1).checkpoint(1, "host_b").add(1.6, "console", "host_a", "Q00000010")
    wrote = (("host_b", "00000020"), ("host_b", "00000030"), ("host_a", "Q00000041"))
    pages = ({"0x20000": "aa", "0x21000": "bb"}, {"0x20000": "aa", "0x21000": "bb"}, {"0x20000": "c", "0x22000": "d"})
    for number, ((host, line), held) in enumerate(zip(wrote, pages, strict=True), start=2):
        tape.add(number - 0.3, "console", host, line).checkpoint(number).checkpoint(number, "host_b")
        for side in ("host_a", "host_b"):
            tape.add(number + 0.2, "observe", side, "memory", moment=f"round {number}", pages=held)
    return tape.entries


def survivor() -> list[Entry]:
    """Tell of a primary that is lost after its guest said generations 16 and 32, each before a checkpoint."""
    tape = Tape().add(0.5, "console", "host_a", "00000010").checkpoint(1)
    tape.add(1.5, "console", "host_a", "00000020").checkpoint(2).fault(2.5, "inject").fault(2.5, "bitten")
    told = {"moment": "alone", "possible": True, "generation": 0x25, "objection": ""}
    return tape.add(3, "observe", "host_b", "generation", **told).add(3.5, "console", "host_b", "00000030").entries


def disks() -> list[Entry]:
    """Tell of marks before and after the last checkpoint, and of what the survivor and its image say of the disk."""
    tape = Tape().op(0.5, "log-0", "mark", {"slot": 7}).checkpoint(1).op(1.5, "log-0", "mark", {"slot": 8})
    tape.fault(2, "inject").fault(2, "bitten").phase(2.2, "promoted", role="secondary", host="host_b")
    for at, who in ((3, "log-1"), (4, "image-host_b")):
        tape.op(at, who, "read", {"slot": 7}, {"text": "A" * 64}).op(at, who, "read", {"slot": 8}, {"text": "B" * 64})
        tape.op(at, who, "block", {"block": 3}, {"crc32": "0000abcd"})
    return tape.entries


def divergence() -> list[Entry]:
    """Tell of two answers that differ, at 1.5 s and at 2.7 s, each behind a checkpoint; one is due at 13 s."""
    tape = Tape().phase(1, "watch", delay_s=10.0)
    tape.checkpoint(0.5).checkpoint(1.6).checkpoint(2.8).checkpoint(12.8)
    for n, at in enumerate((1.5, 2.7)):
        asked = {"n": n, "at": 0, "size": 512}
        tape.op(at, "differ-0", "differ", asked, {"side": "A", "sent": "512:0", "got": "512:0"}, took=0.135)
    return tape.phase(14, "watched").entries


def crossing() -> list[Entry]:
    """Tell of a connection whose segments come from host_a until 5 s, from host_b after its promotion at 5.4 s."""
    tape = Tape().phase(1, "replicating").add(1.5, "frame", "host_a", "arp")
    for at, host, tsval in (
        (2, "host_a", 2**32 - 1000),
        (4.9, "host_a", 1900),
        (5.6, "host_b", 2590),
        (6, "host_b", 2990),
    ):
        segment = {"guest_port": 7, "peer_port": 40000, "seq": 1, "ack": 1, "flags": 16, "size": 512, "tsval": tsval}
        tape.add(at, "frame", host, "tcp", **segment)
    tape.fault(5, "inject").fault(5, "bitten")
    tape.phase(5.2, "failover", role="secondary", host="host_b").phase(5.4, "promoted", role="secondary", host="host_b")
    return tape.add(7, "observe", "switch", "frames-dropped", value=0).entries


def held_back() -> list[Entry]:
    """Tell of two segments that wait since 2 s for the checkpoint which the first byte of the first one forces."""
    flow, tape = Flow(), Tape().phase(1.0, "watch", delay_s=60.0)
    first, then = flow.tcp(b"A first", seq=1000), flow.tcp(b"another", seq=1007)
    for at, ear, way, frame in (
        (2.000, "primary_in", "in", first),
        (2.001, "primary_in", "in", then),
        (2.002, "secondary_in", "in", flow.tcp(b"B first", seq=1000)),
        (2.045, "outdev", "out", first),
        (2.046, "outdev", "out", then),
    ):
        tape.add(at, "frame", ear, way, hex=frame.hex())
    return tape.checkpoint(2.01).phase(3.0, "watched").entries


def stamped(ticks: int, *, seq: int = 1002) -> str:
    """Return a segment of two bytes with this timestamp."""
    return Flow().tcp(b"ab", seq=seq, options=b"\1\1\x08\x0a" + ticks.to_bytes(4) + bytes(4)).hex()


def sent_again() -> list[Entry]:
    """Tell of a segment that left twice, and of the next one, all in the order of their timestamps."""
    tape = Tape()
    for at, (ticks, seq) in enumerate(((5, 1000), (9, 1000), (9, 1002))):
        tape.add(1 + at / 10, "frame", "outdev", "out", hex=stamped(ticks, seq=seq))
    return tape.entries


def changed(entries: Iterable[Entry], match: Match, at: float | None = None, **data: Any) -> list[Entry]:
    """Return the entries with the first match changed: another time, other data (None drops a key)."""
    result, todo = [], True
    for entry in entries:
        if todo and match(entry):
            todo = False
            merged = {key: value for key, value in {**entry.data, **data}.items() if value is not None}
            result.append(replace(entry, at=entry.at if at is None else at, data=merged))
        else:
            result.append(entry)
    if todo:
        raise LookupError("nothing matches")
    return result


def renamed(entries: Iterable[Entry], match: Match, what: str) -> list[Entry]:
    """Return the entries with the first match saying something else."""
    first = next(entry for entry in entries if match(entry))
    return [replace(entry, what=what) if entry is first else entry for entry in entries]


def without(entries: Iterable[Entry], match: Match) -> list[Entry]:
    """Return the entries that do not match."""
    return [entry for entry in entries if not match(entry)]


def ended(what: str, **told: Any) -> Match:
    """Match the end of an operation `what` whose end tells `told`."""

    def match(entry: Entry) -> bool:
        right = all(entry.data.get(key) == value for key, value in told.items())
        return entry.kind == "op" and entry.what == what and entry.data["type"] != "invoke" and right

    return match


def is_a(kind: Kind, what: str = "", who: str = "", **told: Any) -> Match:
    """Match an entry by kind, part of what it says, who, and data."""

    def match(entry: Entry) -> bool:
        right = all(entry.data.get(key) == value for key, value in told.items())
        return entry.kind == kind and what in entry.what and who in entry.who and right

    return match


def after(moment: float, match: Match) -> Match:
    """Match what `match` does from `moment` seconds on."""
    return lambda entry: entry.at >= moment and match(entry)


def shape(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return what two histories of the same shape have in common: kinds and who, in the order of recording."""
    return [(entry.kind, entry.who) for entry in entries]
