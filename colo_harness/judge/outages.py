"""Outages: from the loss of the primary to the first answer of the other side, and the steps in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.moments import phases
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, timeline

STEPS = ("detected", "fence-confirmed", "promoted")
"""What happens after a loss, in this order; a survivor may answer just before it is known to be promoted."""
NAMES = ("detection", "fencing", "promotion", "answer")
"""What takes the time up to each of these, and to the end of a client's longest wait."""


@dataclass(frozen=True)
class Outage:
    """A primary that was lost at `lost` seconds.

    `parts` are the seconds of each step, `gap` is the longest that a client waits for an answer.
    """

    lost: float
    parts: Mapping[str, float]
    gap: float

    @property
    def seconds(self) -> float:
        """From the loss to the answer."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class OutagesEnd(Parametrised):
    """Each of `losses` primaries is missed, fenced and replaced, in this order, and then a client is answered."""

    losses: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        lost = _losses(entries)
        ended = {outage.lost for outage in outages(entries)}
        breaches = [
            Breach(f"nobody took over, or answered, after {fault.what}", fault.at, (fault.line,))
            for fault in lost
            if fault.at not in ended
        ]
        doubts = [] if len(lost) >= self.losses else [f"{len(lost)} primaries were lost, not {self.losses}"]
        return decide(breaches, doubts, f"{len(ended)} outages, each of which ended")


def outages(entries: Sequence[Entry]) -> list[Outage]:
    """Return the outages that ended, in order."""
    ordered = timeline(entries)
    answered = [op for op in ledger(ordered).ops if op.acknowledged]
    steps = {step: [entry.at for entry in phases(ordered, step)] for step in STEPS}
    began = [fault.at for fault in _losses(ordered)]
    found = []
    for lost, until in pairwise([*began, float("inf")]):
        mine = [op for op in answered if lost < op.completed < until]
        found.append(
            _outage(mine, lost, [next((at for at in steps[step] if lost <= at < until), until) for step in STEPS])
        )
    return [one for one in found if one]


def _outage(answered: Sequence[Op], lost: float, steps: list[float]) -> Outage | None:
    """Return the outage that began at `lost`, after which these answers came and these steps were taken."""
    promoted = steps[-1]
    lasting = {op.who for op in answered if op.completed > promoted}
    waits = [
        (op.completed - op.invoked, op.completed) for op in answered if op.who in lasting and op.invoked <= promoted
    ]
    if steps != sorted(steps) or not waits:
        return None
    gap, end = max(waits)
    moments = [lost, *steps[:-1], min(promoted, end), end]
    parts = {name: later - earlier for name, (earlier, later) in zip(NAMES, pairwise(moments), strict=True)}
    return Outage(lost, parts, gap)


def _losses(entries: Sequence[Entry]) -> list[Entry]:
    """Return where each fault was injected; several pairs number theirs alike."""
    return [entry for entry in entries if entry.kind == "fault" and entry.data["type"] == "inject"]
