"""The moment of a failure: when a checker saw a promise broken, and its sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry

CLAUSE = "; "
"""What parts the breaches of a checker's reason."""


@dataclass(frozen=True)
class Moment:
    """`at` is in seconds of the history, whose `lines` show it; `sentence` is empty where no checker says no."""

    at: float
    sentence: str = ""
    lines: tuple[int, ...] = ()


def moment_of(entries: Sequence[Entry]) -> Moment:
    """Return the first violation that a checker told of, or else the end of what happened before the judgement."""
    moments = {entry.line: entry.at for entry in entries}
    end = max((entry.at for entry in happened(entries)), default=0.0)
    violations = [
        Moment(_at(entry, moments, end), _sentence(entry), tuple(entry.data.get("lines", ())))
        for entry in entries
        if entry.kind == "check" and entry.data.get("verdict") == "invalid"
    ]
    return min(violations, key=lambda one: one.at, default=Moment(end))


def happened(entries: Sequence[Entry]) -> list[Entry]:
    """Return what was recorded before the first checker was heard: after it a test only cleans up."""
    first = next((place for place, entry in enumerate(entries) if entry.kind == "check"), len(entries))
    return list(entries[:first])


def _at(check: Entry, moments: dict[int, float], end: float) -> float:
    if (told := check.data.get("at")) is not None:
        return float(told)
    return min((moments[line] for line in check.data.get("lines", ()) if line in moments), default=end)


def _sentence(check: Entry) -> str:
    clause = str(check.data.get("reason", "")).partition(CLAUSE)[0]
    told = check.data.get("at")
    when = "" if told is None else f", at {told:.3f} s"
    return f"{clause[:1].upper()}{clause[1:]} ({check.what}{when})."
