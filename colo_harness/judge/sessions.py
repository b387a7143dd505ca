"""What a client is promised of each session: that it lives, and that its answers are right."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, promotions
from colo_harness.judge.operations import OURS, RECORDS, Ledger, Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide, holds, undecided


@checker
def exercised(entries: Sequence[Entry]) -> Verdict:
    """A fault that is proven to have bitten fell between acknowledged answers; else the run proves nothing."""
    acknowledged = [op for op in ledger(entries).ops if op.acknowledged]
    promoted = [entry.at for entry in promotions(entries)]
    reasons = []
    for fault in faults(entries):
        if fault.bitten is None or fault.began is None:
            reasons.append(f"{fault.what} is not proven to have bitten")
            continue
        healing = (at for at in (fault.healed, fault.heal) if at is not None)
        over = max((at for at in promoted if at >= fault.began), default=next(healing, None))
        if over is None:
            reasons.append(f"neither a promotion nor a healing follows {fault.what}")
            continue
        before = sum(op.completed <= fault.began for op in acknowledged)
        after = sum(over <= op.completed < float("inf") for op in acknowledged)
        if before and after:
            return holds(f"{fault.what}: {before} acknowledged before it, {after} after {over:.3f} s")
        reasons.append(f"{fault.what}: {before} acknowledged before {fault.began:.3f} s, {after} after {over:.3f} s")
    return undecided("; ".join(reasons) or "no fault was injected")


@dataclass(frozen=True)
class CaughtInFlight(Parametrised):
    """An operation of one of these kinds was under way when the last fault bit; else the run proves nothing."""

    kinds: tuple[str, ...] = ("download", "upload")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bites = [fault.bitten for fault in faults(entries) if fault.bitten is not None]
        if not bites:
            return undecided("no fault is proven to have bitten")
        caught = [
            op
            for op in ledger(entries).of(*self.kinds)
            if op.invoked <= bites[-1] and (op.ended is None or op.ended > bites[-1])
        ]
        if not caught:
            return undecided(f"no {' or '.join(self.kinds)} was under way at {bites[-1]:.3f} s")
        return holds(f"{len(caught)} under way when the fault bit at {bites[-1]:.3f} s")


@checker
def no_reset(entries: Sequence[Entry]) -> Verdict:
    """No operation over TCP ends in a reset, an end of file, a refusal or a time-out."""
    streams = ledger(entries).streams
    breaches = [
        Breach(f"{op} ended with {op.answer['error']}", op.ended, op.lines)
        for op in streams
        if op.outcome in ("info", "fail") and op.answer.get("error", "stopped") not in OURS
    ]
    doubts = [] if streams else ["no operation over TCP"]
    doubts += [f"{op} has no end" for op in streams if op.outcome is None or op.answer.get("error") in OURS]
    return decide(breaches, doubts, f"{len(streams)} operations over TCP, none was cut off")


@checker
def nothing_lost(entries: Sequence[Entry]) -> Verdict:
    """Each answer is the one that was asked for: none lost, repeated, reordered, changed or invented.

    What UDP and ICMP carry may be lost, not changed or invented.
    """
    book = ledger(entries)
    records = book.of(*RECORDS)
    breaches = [*_strays(book), *_wrong(book.ops), *_out_of_order(book.ops)]
    doubts = [] if records else ["no operation that carries a record"]
    doubts += [
        f"{op} has no answer"
        for op in book.streams
        if op.outcome is None or (op.outcome == "info" and op.what != "close")
    ]
    doubts += [
        f"{op} was answered, but not with both digests"
        for op in records
        if op.outcome == "ok" and not {"sent", "got"} <= op.answer.keys()
    ]
    return decide(breaches, doubts, f"{len(records)} records, each answered rightly")


def _strays(book: Ledger) -> Iterable[Breach]:
    return (
        Breach(
            f"{entry.who} {entry.what}: an answer that was not asked for, or asked for once and given twice",
            entry.at,
            (entry.line,),
        )
        for entry in book.strays
    )


def _wrong(ops: Iterable[Op]) -> Iterable[Breach]:
    for op in ops:
        if "wrong" in op.answer:
            yield Breach(f"{op} was answered wrongly: {op.answer['wrong']}", op.ended, op.lines)
        if op.outcome != "ok" or op.what not in RECORDS:
            continue
        if {"sent", "got"} <= op.answer.keys() and op.answer["sent"] != op.answer["got"]:
            yield Breach(f"{op}: {op.answer['sent']} was due, {op.answer['got']} came", op.ended, op.lines)
        if op.answer.get("n", op.asked.get("n")) != op.asked.get("n"):
            yield Breach(f"{op} was answered with record {op.answer['n']}", op.ended, op.lines)


def _out_of_order(ops: Iterable[Op]) -> Iterable[Breach]:
    """Yield where a TCP session's record numbers, in order of asking and of answering, do not go up by one."""
    asked: dict[tuple[str, str], list[Op]] = defaultdict(list)
    for op in ops:
        if op.what in RECORDS and not op.lossy and isinstance(op.asked.get("n"), int):
            asked[op.who, op.what].append(op)
    for session in asked.values():
        for earlier, later in pairwise(session):
            if later.asked["n"] != earlier.asked["n"] + 1:
                yield Breach(f"{later} follows record {earlier.asked['n']}", later.invoked, earlier.lines + later.lines)
            if later.completed < float("inf") and later.completed < earlier.completed:
                told = f"before {earlier}" if earlier.completed < float("inf") else f"but {earlier} never was"
                yield Breach(f"{later} was answered {told}", later.ended, earlier.lines + later.lines)
