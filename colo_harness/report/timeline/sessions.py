"""The lanes of the client sessions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from colo_harness.history import Entry
from colo_harness.judge.operations import OURS, Op, ledger
from colo_harness.report.timeline.lane import Axis, Bar, Lane, Mark, legible

STALL_S = 0.5
"""An operation that takes so long is a stall: a checkpoint under TCG holds one up for less."""
MOST = 12
"""So many sessions have a lane each, the worst ones; all others share one."""


class Badness(NamedTuple):
    """How much there is to see of a session: the most counts in this order; seconds."""

    accused: bool
    failed: int
    unknown: int
    longest: float


def session_lanes(entries: Sequence[Entry], axis: Axis) -> list[Lane]:
    """Return a lane for each of the worst sessions, in the order of their names, and one for all others."""
    sessions: dict[str, list[Op]] = defaultdict(list)
    for op in ledger(entries).ops:
        sessions[op.who].append(op)
    accused = _accused(entries)
    ranked = sorted(sessions, key=lambda who: (_badness(sessions[who], accused, axis.end), who), reverse=True)
    shown = ranked if len(ranked) <= MOST else ranked[: MOST - 1]
    lanes = [_lane(legible(who), sessions[who], axis) for who in sessions if who in shown]
    if others := [op for who in sessions if who not in shown for op in sessions[who]]:
        lanes.append(_lane(f"{len(sessions) - len(shown)} other sessions", others, axis))
    return lanes


def rule(entries: Sequence[Entry]) -> str:
    """Say which sessions are shown, where not all of them have a lane."""
    count = len({entry.who for entry in entries if entry.kind == "op"})
    if count <= MOST:
        return ""
    return (
        f"The {MOST - 1} worst of {count} sessions: accused by a checker, then failed, unknown, slowest; "
        "the others share a lane."
    )


def _accused(entries: Sequence[Entry]) -> set[int]:
    """Return the lines of the history that a checker which said no points at."""
    return {
        line
        for entry in entries
        if entry.kind == "check" and entry.data.get("verdict") == "invalid"
        for line in entry.data.get("lines", ())
    }


def _badness(ops: Sequence[Op], accused: set[int], end: float) -> Badness:
    return Badness(
        any(not accused.isdisjoint(op.lines) for op in ops),
        sum(op.outcome == "fail" for op in ops),
        sum(op.outcome in ("info", None) and op.answer.get("error") not in OURS for op in ops),
        max(_took(op, end) for op in ops),
    )


def _took(op: Op, end: float) -> float:
    return (end if op.ended is None else op.ended) - op.invoked


def _lane(name: str, ops: Sequence[Op], axis: Axis) -> Lane:
    bars = tuple(bar for op in ops for bar in _bars(op, axis.end))
    slowest = max(ops, key=lambda op: _took(op, axis.end))
    took = _took(slowest, axis.end)
    text = f"{took:.1f} s"
    told = (Mark(slowest.invoked + took / 2, "stall", text),) if took >= max(STALL_S, axis.width(text)) else ()
    return Lane("sessions", name, bars, told)


def _bars(op: Op, end: float) -> Iterator[Bar]:
    took = _took(op, end)
    yield Bar(op.invoked, op.invoked + took, op.outcome or "open")
    if took >= STALL_S:
        yield Bar(op.invoked, op.invoked + took, "stall")
