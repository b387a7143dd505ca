"""Turns of a schedule: what each of them has to show, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.moments import Injected, faults, phases, promotions
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.resuming import comparisons, unlike
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide

NEVER = float("inf")


@dataclass(frozen=True)
class _Turn:
    """A turn as the history tells it: the fault in it, and from when on that was overcome; seconds."""

    name: str
    start: float
    end: float
    fault: Injected | None
    over: float | None
    compared: bool

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, float | int) and self.start <= moment < self.end


def _turns(entries: Sequence[Entry]) -> Iterator[_Turn]:
    told = phases(entries, "turn")
    bounds = [*(entry.at for entry in told), NEVER]
    for entry, (start, end) in zip(told, pairwise(bounds), strict=True):
        mine = [one for one in faults(entries) if one.bitten is not None and start <= one.bitten < end]
        fault = mine[0] if mine else None
        over = _overcome(entries, fault, end) if fault else None
        compared = any(start <= one.at < end for one in comparisons(entries))
        name = f"turn {entry.data.get('number')}, {entry.data.get('turn')}"
        yield _Turn(name, start, end, fault, over, compared)


def _overcome(entries: Sequence[Entry], fault: Injected, end: float) -> float | None:
    """Return when a survivor carried on after the fault, or else when it was healed, if that was before `end`."""
    bitten = fault.bitten or 0.0
    promoted = [one.at for one in promotions(entries) if bitten <= one.at < end]
    healed = fault.heal if fault.healed is None else fault.healed
    return promoted[0] if promoted else healed if healed is not None and healed < end else None


@dataclass(frozen=True)
class TurnsTaken(Parametrised):
    """`least` turns or more were taken to their end; in each a fault bit, and who was answered before was after it."""

    least: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        ops = ledger(entries).ops
        turns = [*_turns(entries)]
        breaches: list[Breach] = []
        doubts: list[str] = []
        for turn in turns:
            known = _last_answers(ops, turn)
            breaches += _silent(ops, turn, known)
            if turn.fault is None:
                doubts.append(f"{turn.name}: no fault is proven to have bitten")
            elif turn.over is None:
                doubts.append(f"{turn.name}: neither a promotion nor a healing follows the fault")
            elif not known:
                doubts.append(f"{turn.name}: nobody was answered before the fault")
            elif not turn.compared:
                doubts.append(f"{turn.name}: the disks were not compared in the end")
        if len(turns) < self.least:
            doubts.append(f"{len(turns)} turns were taken, {self.least} are due")
        return decide(breaches, doubts, f"{len(turns)} turns, each overcome")


def _last_answers(ops: Sequence[Op], turn: _Turn) -> dict[str, Op]:
    """Return the last operation of each session that was answered in the turn before its fault."""
    bitten = (turn.fault and turn.fault.began) or turn.start
    return {op.who: op for op in ops if op.acknowledged and turn.start <= op.completed <= bitten}


def _silent(ops: Sequence[Op], turn: _Turn, known: dict[str, Op]) -> Iterator[Breach]:
    """Yield the sessions that were not answered again in the turn, and did not end before they could be."""
    if turn.over is None:
        return
    ended = {op.who for op in ops if op.what == "close" and turn.start <= op.invoked <= turn.over}
    again = {op.who for op in ops if op.acknowledged and op.completed in turn and op.completed >= turn.over}
    for who, last in known.items():
        if who not in ended | again:
            yield Breach(f"{turn.name}: {who} was not answered again after {last}", last.ended, last.lines)


@checker
def disks_alike(entries: Sequence[Entry]) -> Verdict:
    """Whenever the disks of both sides were compared, they held the same."""
    compared = comparisons(entries)
    doubts = [] if compared else ["the disks were never compared"]
    return decide([*unlike(compared)], doubts, f"{len(compared)} times, the disks held the same")
