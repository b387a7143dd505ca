"""What a timeline shows of a history, before anything is drawn."""

from collections.abc import Iterable
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge import verdict
from colo_harness.report.timeline.happenings import event_lane, fault_lanes
from colo_harness.report.timeline.hosts import host_lanes
from colo_harness.report.timeline.lane import FINEST, Axis, Lane, legible, thinned
from colo_harness.report.timeline.sessions import rule, session_lanes

LONGEST_LINE = 125
LONE = 1.0
"""Seconds on the axis of a history of one moment, or of none."""


@dataclass(frozen=True)
class Timeline:
    """The lanes from top to bottom, their one axis, and what is written above and below."""

    title: str
    judged: str
    axis: Axis
    lanes: tuple[Lane, ...]
    note: str = ""


def timeline_of(history: Iterable[Entry], title: str = "") -> Timeline:
    """Return the timeline of these entries, in whatever order they come."""
    entries = verdict.timeline(history)
    start, end = (entries[0].at, entries[-1].at) if entries else (0.0, 0.0)
    axis = Axis(start, end if end > start else start + LONE)
    lanes = [event_lane(entries, axis), *fault_lanes(entries, axis)]
    lanes += [*host_lanes(entries, axis), *session_lanes(entries, axis)]
    fewer, apart = thinned(lanes, axis)
    notes = [rule(entries)]
    notes += [f"What is less than {apart:.2g} s apart is drawn as one."] if apart > axis.span / FINEST else []
    return Timeline(legible(title, LONGEST_LINE), _judged(entries), axis, tuple(fewer), " ".join(filter(None, notes)))


def _judged(entries: Iterable[Entry]) -> str:
    """Say in a line what the checkers said: the first that said no or did not know, else how many said yes."""
    checks = [entry for entry in entries if entry.kind == "check"]
    for wanted in ("invalid", "unknown"):
        for check in checks:
            if check.data.get("verdict") == wanted:
                return legible(f"{wanted}: {check.what}: {check.data.get('reason', '')}", LONGEST_LINE)
    if checks:
        return f"valid: {len(checks)} checkers"
    return "not judged" if entries else "an empty history"
