"""Disks: what a survivor's blocks hold, and whose writes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.checkpoints import messages, pauses
from colo_harness.judge.contents import told
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.places import MARK_LENGTH
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide


@checker
def disk_answers(entries: Sequence[Entry]) -> Verdict:
    """The guest's disk service did whatever it was asked, at every time: no error of its disk, no answer missing."""
    ops = ledger(entries).of("append", "mark", "read", "block")
    breaches = [
        Breach(f"{op} ended as {op.outcome or 'open'}: {op.answer}", op.ended or op.invoked, op.lines)
        for op in ops
        if op.outcome != "ok"
    ]
    late = [op for op in ops if op.invoked >= last_loss(entries)]
    return decide(breaches, [] if late else ["nothing was asked after the last loss"], f"{len(ops)} requests done")


@dataclass(frozen=True)
class BlocksHold(Parametrised):
    """After the last loss each of these blocks was read by `readers`, and is what it must be.

    `expected` maps a block's number to the CRC-32 of its content, 8 hex digits. Readers are the guest, which a
    client asks, and whoever opens the image when QEMU has ended.
    """

    expected: Mapping[int, str]
    readers: int = 2

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        since = last_loss(entries)
        reads = [op for op in ledger(entries).of("block") if op.invoked >= since and op.asked["block"] in self.expected]
        breaches = [
            Breach(f"{op.who} reads {_difference(op, due)}", op.ended, op.lines)
            for op in reads
            if op.outcome == "ok" and op.answer.get("crc32") != (due := self.expected[op.asked["block"]])
        ]
        doubts = []
        for number in self.expected:
            who = {op.who for op in reads if op.outcome == "ok" and op.asked["block"] == number}
            if len(who) < self.readers:
                by = f"by {', '.join(sorted(who))} only" if who else "by nobody"
                doubts.append(f"block {number} was read {by} after {since:.3f} s")
        doubts += [] if self.expected else ["no block was expected"]
        return decide(breaches, doubts, f"{len(self.expected)} blocks hold what they must")


def _difference(read: Op, due: str) -> str:
    number = read.asked["block"]
    return f"{told(str(read.answer.get('crc32')), number)} in block {number}, not {told(due, number)}"


@dataclass(frozen=True)
class MarksKept(Parametrised):
    """A promoted guest reads its `own` letter where it made the mark itself, its `peer`'s where a checkpoint followed.

    A checkpoint puts the primary's disk in the place of what the secondary wrote since the one before; what the
    secondary has written since the last one that `primary` knew as received stays its own.
    """

    own: str = "B"
    peer: str = "A"
    primary: str = "host_a"
    readers: int = 2

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        since, ops = last_loss(entries), ledger(entries).ops
        breaches: list[Breach] = []
        doubts: list[str] = []
        letters = set()
        for slot in sorted({op.asked["slot"] for op in ops if op.what == "mark"}):
            last = [op for op in ops if op.what in ("mark", "append") and op.asked.get("slot") == slot][-1]
            due = self._due(entries, last)
            if due is None:
                doubts.append(f"{last} was not acknowledged on one side of a checkpoint")
                continue
            letters.add(due)
            reads = [op for op in ops if op.what == "read" and op.asked["slot"] == slot and op.outcome == "ok"]
            reads = [op for op in reads if op.invoked >= max(since, last.completed)]
            breaches += _wrong(reads, due)
            if len({op.who for op in reads}) < self.readers:
                doubts.append(f"slot {slot} was not read by {self.readers} after {since:.3f} s")
        doubts += [f"no mark is due to read {letter}" for letter in (self.own, self.peer) if letter not in letters]
        return decide(breaches, doubts, f"{len(letters)} kinds of marks, each of the side that is due")

    def _due(self, entries: Sequence[Entry], mark: Op) -> str | None:
        """Return the letter that is due after this mark, None where a checkpoint ran into it."""
        if mark.what != "mark" or mark.outcome != "ok":
            return None
        commits = [
            message.at
            for message in messages(entries, self.primary)
            if (message.direction, message.name) == ("receive", "vmstate-received")
        ]
        later = [at for at in commits if at >= mark.invoked]
        if not later:
            return self.own
        stops = [stop.start for stop in pauses(entries, self.primary) if stop.start <= later[-1]]
        return self.peer if stops and stops[-1] >= mark.completed else None


def _wrong(reads: Sequence[Op], due: str) -> Iterator[Breach]:
    for read in reads:
        text = read.answer.get("text")
        if text != due * MARK_LENGTH:
            came = "EMPTY" if text is None else f"{text[:1]}…"
            yield Breach(f"{read}: {came} came, side {due} is due", read.ended, read.lines)
