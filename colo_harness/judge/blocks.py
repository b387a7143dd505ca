"""What both sides' disks hold on the bench of block replication, by a model of its documents.

Each write fills sectors with a value of its own, so that a read tells whose write it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide

CLUSTER = 128
"""Sectors that hold the same value before all."""
Disk = dict[int, int]
"""Sector -> value, where that is not what was there before all."""


@dataclass
class Model:
    """What the documents make of both disks, from one `made` to the next."""

    sectors: int
    local: Disk = field(default_factory=dict)
    parent: Disk = field(default_factory=dict)
    checkpoint: Disk = field(default_factory=dict)
    """The parent at the last checkpoint."""
    own: Disk = field(default_factory=dict)
    """What the secondary has written since."""
    linked: bool = True
    promoted: bool = False
    names: dict[int, str] = field(default_factory=lambda: {0: "zeros", -1: "a mixture"})

    def phase(self, what: str) -> None:
        """Take in a step of the procedure."""
        if what in ("failover", "detached", "stopped"):
            self.linked = False
        elif what == "checkpoint" and not self.promoted:
            self.checkpoint, self.own = dict(self.parent), {}
        elif what == "promoted" and not self.promoted:
            self.parent, self.promoted = self.checkpoint | self.own, True

    def write(self, who: str, sectors: range, value: int) -> None:
        """Take in an acknowledged write."""
        if value:
            number = sum(name.startswith(f"{who}'s") for name in self.names.values()) + 1
            self.names.setdefault(value, f"{who}'s write {number}")
        content = dict.fromkeys(sectors, value)
        if who == "primary":
            self.local |= content
        if who == "parent" or (who == "primary" and self.linked) or (who == "secondary" and self.promoted):
            self.parent |= content
        elif who == "secondary":
            self.own |= content

    def due(self, who: str) -> Disk:
        """Return what `who` must read: a side, or an image alone."""
        if who in ("primary", "local image"):
            return self.local
        if who == "secondary" and not self.promoted:
            return self.checkpoint | self.own
        return self.parent

    def before(self, sector: int) -> int:
        """Return what a sector held before all."""
        number = sector // CLUSTER + 1
        return 0 if number == self.sectors // CLUSTER else number

    def name(self, value: int) -> str:
        """Return whose a value is."""
        return self.names.get(value, f"what was before in cluster {value}" if value < 32 else f"unknown {value:#x}")  # noqa: PLR2004 - the first value that a guest writes


@checker
def reads_documented(entries: Sequence[Entry]) -> Verdict:
    """Each read of a guest, and each image alone, gives what the documents promise."""
    breaches: list[Breach] = []
    count, model = 0, Model(0)
    for event in _events(entries):
        if isinstance(event, Entry):
            model = Model(event.data["sectors"]) if event.what == "made" else model
            model.phase(event.what)
        elif event.what == "write" and event.outcome == "ok":
            model.write(event.who, _sectors(event.asked), event.asked["value"])
        elif event.what == "read" and event.who != "power cut":
            count += 1
            breaches += _judge(model, event)
    return decide(breaches, [] if count else ["nobody read anything"], f"{count} reads as documented")


@checker
def requests_answered(entries: Sequence[Entry]) -> Verdict:
    """Whatever a guest asked of its disk was done: no error, and no answer missing."""
    ops = [op for op in ledger(entries).ops if op.who in ("primary", "secondary")]
    breaches = [
        Breach(
            f"{_told(op)} ended as {op.outcome or 'open'}: {op.answer.get('error')}", op.ended or op.invoked, op.lines
        )
        for op in ops
        if op.outcome != "ok"
    ]
    return decide(breaches, [] if ops else ["no guest asked anything"], f"{len(ops)} requests done")


@dataclass(frozen=True)
class GuestTold(Parametrised):
    """The guest of `side` hears of the error: a request of kind `what` is answered with an errno."""

    side: str
    what: str = "write"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        ops = [op for op in ledger(entries).ops if (op.who, op.what) == (self.side, self.what)]
        if any(op.outcome == "fail" for op in ops):
            return decide([], [], f"{self.side}'s guest was told")
        breaches = [
            Breach(f"{_told(op)} ended as {op.outcome or 'open'}", op.ended or op.invoked, op.lines) for op in ops
        ]
        return decide(breaches[-1:], [f"{self.side}'s guest asked for no {self.what}"], "")


@dataclass(frozen=True)
class ManagerTold(Parametrised):
    """The manager hears of the error from `side`: by QUORUM_REPORT_BAD, by a replication status, by a refusal."""

    side: str
    by: tuple[str, ...] = ("event", "status", "refusal")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        started = [entry for entry in entries if entry.kind == "phase" and entry.what == "started"]
        ended = [entry.at for entry in entries if entry.kind == "phase" and entry.what == "end"] or [float("inf")]
        since = [
            entry for entry in entries if entry.who == self.side and started and started[-1].at <= entry.at <= ended[-1]
        ]
        heard = [how for entry in since if (how := _how(entry)) in self.by]
        if heard:
            return decide([], [], f"{self.side} told by {', '.join(sorted(set(heard)))}")
        last = [entry for entry in since if entry.what in ("replication", "obeyed", "refused")]
        breaches = (
            [Breach(f"{self.side} told nothing by {' or '.join(self.by)}", last[-1].at, (last[-1].line,))]
            if last
            else []
        )
        return decide(breaches, [f"{self.side} was not asked"], "")


@dataclass(frozen=True)
class CommandRefused(Parametrised):
    """QEMU refuses `command`, and says `text` of it."""

    command: str
    text: str

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        asked = [entry for entry in entries if entry.data.get("command") == self.command]
        wrong = [entry for entry in asked if entry.what != "refused" or self.text not in str(entry.data["value"])]
        if asked and len(wrong) < len(asked):
            return decide([], [], f"{self.command} was refused: {self.text}")
        breaches = [
            Breach(f"{self.command} was {one.what}: {one.data['value']}, not: {self.text}", one.at, (one.line,))
            for one in wrong
        ]
        return decide(breaches, [f"{self.command} was not given"], "")


@dataclass(frozen=True)
class Obeyed(Parametrised):
    """QEMU does what each `command` says, and refuses none."""

    command: str

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        ended = [entry.at for entry in entries if entry.kind == "phase" and entry.what == "end"] or [float("inf")]
        asked = [entry for entry in entries if entry.data.get("command") == self.command and entry.at <= ended[-1]]
        breaches = [
            Breach(f"{one.who} refused {self.command}: {one.data['value']}", one.at, (one.line,))
            for one in asked
            if one.what == "refused"
        ]
        return decide(breaches, [] if asked else [f"{self.command} was not given"], f"obeyed {len(asked)} times")


@dataclass(frozen=True)
class BuffersEmpty(Parametrised):
    """At `moment` active and hidden disk hold nothing of their own."""

    moment: str = "after the checkpoint"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        weighed = [entry for entry in entries if entry.what == "buffers" and entry.data["moment"] == self.moment]
        breaches = [
            Breach(f"{place} disk holds {held} bytes {self.moment}", entry.at, (entry.line,))
            for entry in weighed
            for place, held in entry.data["value"].items()
            if held
        ]
        return decide(breaches, [] if weighed else [f"nobody looked {self.moment}"], "both buffers are empty")


@checker
def flushed_kept(entries: Sequence[Entry]) -> Verdict:
    """What the primary's guest had flushed is there after a power cut at any later moment, or what it wrote over it.

    A guest's values grow from write to write.
    """
    flushed: list[tuple[int, Disk]] = []
    written: Disk = {}
    later: dict[int, set[int]] = {}
    breaches: list[Breach] = []
    cuts = 0
    for event in _events(entries):
        if isinstance(event, Entry):
            if event.what == "journal":
                flushed.append((event.data["value"], dict(written)))
        elif event.what == "write" and event.who == "primary" and event.outcome == "ok":
            content = dict.fromkeys(_sectors(event.asked), event.asked["value"])
            written |= content
            for sector, value in content.items():
                later.setdefault(sector, set()).add(value)
        elif event.who == "power cut":
            cuts += 1
            breaches += _judge_cut(event, flushed, later)
    doubts = [] if cuts and any(due for _, due in flushed) else ["nothing was flushed, or no power cut was tried"]
    return decide(breaches, doubts, f"{cuts} power cuts, and nothing that was flushed is lost")


def _judge_cut(cut: Op, flushed: Sequence[tuple[int, Disk]], later: Mapping[int, set[int]]) -> Iterator[Breach]:
    entries = cut.asked["entries"]
    due: Disk = next((disk for number, disk in reversed(flushed) if number <= entries), {})
    seen = _seen(cut)
    for sector, value in due.items():
        if seen[sector] not in later[sector] or seen[sector] < value:
            text = f"a power cut after {entries} entries leaves {seen[sector]} in sector {sector}"
            yield Breach(f"{text}, where {value} had been flushed", cut.ended, cut.lines)
            return


def _events(entries: Sequence[Entry]) -> list[Entry | Op]:
    """Return operations by their ends, phases and looks at the journal, in order of time."""
    told: list[tuple[float, Entry | Op]] = [
        (one.at, one) for one in entries if one.kind == "phase" or one.what == "journal"
    ]
    told += [(op.invoked if op.ended is None else op.ended, op) for op in ledger(entries).ops]
    return [event for _, event in sorted(told, key=lambda pair: pair[0])]


def _judge(model: Model, read: Op) -> Iterator[Breach]:
    if read.outcome != "ok":
        yield Breach(
            f"{_told(read)} ended as {read.outcome or 'open'}: {read.answer.get('error')}", read.ended, read.lines
        )
        return
    due, seen = model.due(read.who), _seen(read)
    for sector in _sectors(read.asked):
        wanted = due.get(sector, model.before(sector))
        if seen[sector] != wanted:
            text = f"{read.who} has {model.name(seen[sector])} in sector {sector}, where {model.name(wanted)} is due"
            yield Breach(text, read.ended, read.lines)
            return


def _seen(read: Op) -> Disk:
    sectors = _sectors(read.asked)
    starts = [*read.answer.get("runs", []), [sectors.stop, None]]
    seen: Disk = {}
    for (start, value), (end, _) in pairwise(starts):
        seen |= dict.fromkeys(range(start, end), value)
    return seen


def _sectors(asked: Mapping[str, int]) -> range:
    return range(asked["sector"], asked["sector"] + asked["number"])


def _told(op: Op) -> str:
    return f"{op.who}'s {op.what} of sector {op.asked.get('sector', 'any')}"


def _how(entry: Entry) -> str | None:
    if entry.kind == "event" and entry.what == "QUORUM_REPORT_BAD":
        return "event"
    if entry.what == "replication" and entry.data["value"]["error"]:
        return "status"
    return "refusal" if entry.what == "refused" else None
