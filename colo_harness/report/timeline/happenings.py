"""The lanes of what happened to the pair: key events, and faults."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from colo_harness.history import Entry
from colo_harness.judge.moments import faults
from colo_harness.report.timeline.lane import Axis, Bar, Lane, Look, Mark, legible

ROWS = 7
"""So many rows of labels the events may take; what finds no room has no label."""
MOST_FAULTS = 6
LONGEST_LABEL = 44

_SHOWN_ELSEWHERE = frozenset({"STOP", "RESUME", "MIGRATION_PASS", "JOB_STATUS_CHANGE"})
"""The run states tell the first two, and nobody asks for the others."""
_ENDS_OF_MIGRATION = ("completed", "failed", "cancelled")
_UNREMARKABLE = frozenset({"checkpoint", "watch", "watched", "write alone"})
"""Phases of a test's own procedure: they say nothing of the pair."""
_GRAVITY: dict[Look, int] = {"violation": 0, "failover": 1, "event": 2}
_TURNS = frozenset({"failover", "promoted", "stuck", "refused", "parting", "parted", "resume"})


def event_lane(entries: Sequence[Entry], axis: Axis) -> Lane:
    """Return the lane of key events, of which the gravest find room for their labels first."""
    marks = [*_phases(entries), *_events(entries), *_violations(entries)]
    return Lane("events", "events", (), tuple(_arranged(_counted(marks), axis)))


def fault_lanes(entries: Sequence[Entry], axis: Axis) -> list[Lane]:
    """Return a lane for each fault, from its injection over its bite to its healing."""
    lanes = []
    for fault in faults(entries):
        if fault.began is None:
            continue
        ended = next((at for at in (fault.healed, fault.heal) if at is not None), axis.end)
        bitten = ended if fault.bitten is None else fault.bitten
        bars = [Bar(fault.began, bitten, "arming")] if fault.began < bitten else []
        bars += [Bar(bitten, ended, "biting")] if bitten < ended else []
        lanes.append(Lane("faults", legible(fault.what), tuple(bars)))
    if len(lanes) <= MOST_FAULTS:
        return lanes
    shown, rest = lanes[: MOST_FAULTS - 1], lanes[MOST_FAULTS - 1 :]
    return [*shown, Lane("faults", f"{len(rest)} later faults", tuple(bar for lane in rest for bar in lane.bars))]


def _phases(entries: Sequence[Entry]) -> Iterator[Mark]:
    for entry in entries:
        if entry.kind == "phase" and entry.what not in _UNREMARKABLE:
            look: Look = "failover" if entry.what in _TURNS else "event"
            yield Mark(entry.at, look, legible(_phase_text(entry), LONGEST_LABEL))


def _phase_text(entry: Entry) -> str:
    what, data = entry.what, entry.data
    match what:
        case "start" if data.get("sabotage", "sound") != "sound":
            return f"start (sabotage: {data['sabotage']})"
        case "failover":
            return f"failover to {data.get('role', '?')}"
        case "promoted":
            return f"{data.get('host', '?')} promoted"
        case "stuck":
            return f"{data.get('host', '?')} stuck"
        case "delay":
            return f"delay {data.get('delay_s', '?')} s"
    return what


def _events(entries: Sequence[Entry]) -> Iterator[Mark]:
    for entry in entries:
        if entry.kind != "event" or entry.what in _SHOWN_ELSEWHERE:
            continue
        status = entry.data.get("status")
        if entry.what == "MIGRATION" and status not in _ENDS_OF_MIGRATION:
            continue
        more = next((f" ({word})" for word in (entry.data.get("reason"), status) if word), "")
        look: Look = "failover" if entry.what == "COLO_EXIT" else "event"
        yield Mark(entry.at, look, legible(f"{entry.who} {entry.what}{more}", LONGEST_LABEL))


def _violations(entries: Sequence[Entry]) -> Iterator[Mark]:
    """Yield the moment of each violation: as its checker told, else that of the first line that shows it."""
    moments = {entry.line: entry.at for entry in entries}
    for entry in entries:
        if entry.kind == "check" and entry.data.get("verdict") == "invalid":
            shown = [moments[line] for line in entry.data.get("lines", ()) if line in moments]
            told = entry.data.get("at")
            at = told if isinstance(told, int | float) else min(shown, default=entry.at)
            yield Mark(at, "violation", legible(f"{entry.what}: invalid", LONGEST_LABEL))


def _counted(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks with a label on the first of each text alone, which counts them."""
    often = Counter(mark.text for mark in marks)
    counted, seen = [], set()
    for mark in sorted(marks, key=lambda mark: mark.at):
        times = f" \N{MULTIPLICATION SIGN}{often[mark.text]}" if often[mark.text] > 1 else ""
        counted.append(replace(mark, text="" if mark.text in seen else mark.text + times))
        seen.add(mark.text)
    return counted


def _arranged(marks: Sequence[Mark], axis: Axis) -> list[Mark]:
    """Return the marks in order of time, each label in the first row in which it meets no other.

    What has no label, or finds no room for it, is in the last row.
    """
    taken: list[list[tuple[float, float]]] = []
    arranged, mute = [], []
    for mark in sorted(marks, key=lambda mark: (_GRAVITY[mark.look], mark.at)):
        long = axis.width(f"  {mark.text}")
        flipped = mark.at + long > axis.end
        here = (mark.at - long, mark.at) if flipped else (mark.at, mark.at + long)
        row = next((row for row, labels in enumerate(taken) if not _meets(here, labels)), len(taken))
        if not mark.text or row == ROWS:
            mute.append(mark)
            continue
        taken += [[]] if row == len(taken) else []
        taken[row].append(here)
        arranged.append(replace(mark, row=row, flipped=flipped))
    arranged += [replace(mark, text="", row=len(taken)) for mark in mute]
    return sorted(arranged, key=lambda mark: (mark.at, mark.row))


def _meets(here: tuple[float, float], labels: Sequence[tuple[float, float]]) -> bool:
    return any(since < here[1] and here[0] < until for since, until in labels)
