"""Output commit: whatever a client was told before a loss is explained by the machine that survives it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import grouped, kept, last_loss
from colo_harness.judge.moments import faults
from colo_harness.judge.operations import OURS, Op, ledger
from colo_harness.judge.places import changed_blocks
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide

BOUND = frozenset({"echo", "download", "upload", "http", "differ", "control"})
"""What was told in these operations lies in the state of their connection alone: the survivor must go on with it."""
FIRST_SLOT = 4096
"""The block that holds slot 0 of the guest's log (images/README.md); no client writes one before it."""


@checker
def output_committed(entries: Sequence[Entry]) -> Verdict:
    """Every answer that a client received before the last loss is explained by the machine that survives.

    Texts on the disk and counters are as they were told, whoever asks, and never go back; what was read once stays
    read; blocks that nobody writes stay as they are; and each connection on which answers came goes on where it was, or
    had ended before.
    """
    ops, since = ledger(entries).ops, last_loss(entries)
    breaches, doubts, places = kept(ops, since)
    for block, mine in grouped(ops, "block", "block").items():
        if isinstance(block, int) and block < FIRST_SLOT:
            breaches += changed_blocks(mine)
            doubts += [] if any(op.completed > since for op in mine) else [f"block {block} was not read again"]
    connections = list(_connections(ops, since))
    for known, after in connections:
        if (end := _end(after)) is not None:
            text = f"{len(known)} answers to {known[0].who}, the last to {known[-1]}"
            breaches.append(Breach(f"{text}: its connection ended with {end.answer['error']}", end.ended, end.lines))
        elif not any(op.acknowledged for op in after) and not _closed(after):
            doubts.append(f"{known[0].who} was not answered after {since:.3f} s")
    if not places and not connections:
        doubts.append(f"nothing was acknowledged before {since:.3f} s")
    told = sum(len(known) for known, _ in connections)
    return decide(breaches, doubts, f"{places} slots and counters, {told} answers on {len(connections)} connections")


def _connections(ops: Sequence[Op], since: float) -> Iterator[tuple[list[Op], list[Op]]]:
    """Yield, of each session that was not closed by then, what was answered up to `since`, and what ended later."""
    for who in dict.fromkeys(op.who for op in ops if op.what in BOUND and not op.lossy):
        mine = [op for op in ops if op.who == who]
        known = [op for op in mine if op.acknowledged and op.completed <= since]
        after = [op for op in mine if op.ended is None or op.ended > since]
        closed_before = any(op.what == "close" and op.completed <= since for op in mine)
        if known and not closed_before:
            yield known, after


def _end(after: Sequence[Op]) -> Op | None:
    """Return the operation with which the survivor broke the connection off, if it did."""
    cut = (op for op in after if op.outcome in ("info", "fail") and op.answer.get("error", "stopped") not in OURS)
    return next(cut, None)


def _closed(after: Sequence[Op]) -> bool:
    return any(op.what == "close" and op.outcome == "ok" for op in after)


@dataclass(frozen=True)
class NotHeld(Parametrised):
    """Both hosts were lost, one before the pair was protected again: the oracle of output commit says so.

    Nothing is promised for that; what must not happen is that it is called held.
    """

    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bitten = [e for e in entries if e.kind == "fault" and e.data.get("type") == "bitten"]
        missing = [host for host in self.hosts if host not in {entry.data.get("host") for entry in bitten}]
        oracle = output_committed(entries)
        breaches = []
        if oracle.valid == "valid" and bitten and not missing:
            told = f"both hosts were lost, and output_committed calls it held: {oracle.reason}"
            breaches.append(Breach(told, bitten[-1].at, (bitten[-1].line,)))
        doubts = [f"{host} was not lost" for host in missing]
        return decide(breaches, doubts, f"{len(faults(entries))} losses, and {oracle.valid}: {oracle.reason}")
