"""What was acknowledged stays so: the survivor's durable log and counters explain every answer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, promotions
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.places import unexplained_reads
from colo_harness.judge.replay import unexplained
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def acknowledged_explained(entries: Sequence[Entry]) -> Verdict:
    """Every acknowledged append and addition is explained by what the survivor says later when it is asked."""
    ops, since = ledger(entries).ops, last_loss(entries)
    breaches, doubts, acknowledged = kept(ops, since)
    if not acknowledged:
        doubts.append(f"neither a log record nor a counter was acknowledged before {since:.3f} s")
    return decide(breaches, doubts, f"{acknowledged} slots and counters, every acknowledgement explained")


def kept(ops: Sequence[Op], since: float) -> tuple[list[Breach], list[str], int]:
    """Return what is wrong or unclear of the slots and counters, and how many were acknowledged before `since`."""
    breaches: list[Breach] = []
    doubts: list[str] = []
    acknowledged = 0
    for slot, mine in grouped(ops, "slot", "append", "mark", "read").items():
        breaches += unexplained_reads(mine)
        if any(op.what != "read" and op.completed <= since for op in mine):
            acknowledged += 1
            if not any(op.what == "read" and op.outcome == "ok" and op.invoked >= since for op in mine):
                doubts.append(f"slot {slot} was not read after {since:.3f} s")
    for key, mine in grouped(ops, "key", "counter-add", "counter-get").items():
        breaches += [*_backwards(mine), *unexplained(key, mine)]
        doubts += [f"{op} was answered without n and state" for op in mine if op.outcome == "ok" and not _told(op)]
        if any(op.completed <= since for op in mine):
            acknowledged += 1
            if not any(op.outcome == "ok" and op.invoked >= since for op in mine):
                doubts.append(f"counter {key} was not asked after {since:.3f} s")
    return breaches, doubts, acknowledged


@checker
def counter_monotonic(entries: Sequence[Entry]) -> Verdict:
    """A counter never goes back, over all sessions: an answer is not older than one that came before its question."""
    counters = grouped(ledger(entries).ops, "key", "counter-add", "counter-get")
    breaches = [breach for mine in counters.values() for breach in _backwards(mine)]
    answers = sum(op.outcome == "ok" for mine in counters.values() for op in mine)
    return decide(breaches, [] if answers else ["no counter was asked"], f"{answers} answers, none older than before")


def last_loss(entries: Sequence[Entry]) -> float:
    """Return the last moment, in seconds, at which something acknowledged could have been lost."""
    injected = [fault.began for fault in faults(entries) if fault.began is not None]
    return max([*injected, *(entry.at for entry in promotions(entries))], default=0.0)


def grouped(ops: Iterable[Op], key: str, *kinds: str) -> dict[object, list[Op]]:
    """Group the operations of these kinds by slot or key."""
    groups: dict[object, list[Op]] = defaultdict(list)
    for op in ops:
        if op.what in kinds and key in op.asked:
            groups[op.asked[key]].append(op)
    return groups


def _told(op: Op) -> bool:
    return isinstance(op.answer.get("n"), int) and isinstance(op.answer.get("state"), int)


def _backwards(ops: Sequence[Op]) -> Iterator[Breach]:
    """Yield the answers of one counter that are older than an answer that came before they were asked for."""
    answered = [op for op in ops if op.outcome == "ok" and _told(op)]
    ends = sorted(answered, key=lambda op: op.completed)
    known: Op | None = None
    position = 0
    for op in sorted(answered, key=lambda op: op.invoked):
        while position < len(ends) and ends[position].completed < op.invoked:
            if known is None or ends[position].answer["n"] > known.answer["n"]:
                known = ends[position]
            position += 1
        if known and op.answer["n"] < known.answer["n"] + (op.what == "counter-add"):
            yield Breach(
                f"{op} was answered n={op.answer['n']} after {known} had been answered n={known.answer['n']}",
                op.ended,
                known.lines + op.lines,
            )
