"""An excerpt: what was recorded around a moment, a line of text for each thing."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from colo_harness.history import Entry
from colo_harness.report.failure.moment import Moment

BEFORE, AFTER = 60, 20
"""So many lines are shown before a moment, and after it."""
LONGEST = 300

Line = tuple[float, str]
"""What was recorded at a moment, in seconds of the history."""


def around(lines: Iterable[Line], at: float, *, before: int = BEFORE, after: int = AFTER) -> str:
    """Return the last lines up to `at` and the first ones after it, each with its time; nothing if there are none."""
    ordered = sorted(lines, key=lambda line: line[0])
    earlier = [line for line in ordered if line[0] <= at]
    later = [line for line in ordered if line[0] > at]
    left_out = [f"… {len(earlier) - before} before that"] if len(earlier) > before else []
    shown = [*left_out, *map(_shown, earlier[-before:]), f"{at:10.3f} s  {'-' * 12} the moment {'-' * 12}"]
    shown += map(_shown, later[:after])
    shown += [f"… {len(later) - after} after that"] if len(later) > after else []
    shown += [] if later else ["nothing after that"]
    return "\n".join(shown) + "\n" if ordered else ""


def of_history(entries: Sequence[Entry], moment: Moment) -> str:
    """Return what happened around the moment; what shows the violation is marked."""
    told = [entry for entry in entries if entry.kind != "check"]
    return around(((entry.at, _words(entry, moment)) for entry in told), moment.at)


def compact(value: Any) -> str:
    """Return JSON on one line, without the outer braces of an object."""
    text = json.dumps(value, ensure_ascii=False)
    return text[1:-1] if isinstance(value, dict) else text


def _shown(line: Line) -> str:
    text = line[1] if len(line[1]) <= LONGEST else f"{line[1][:LONGEST]}…"
    return f"{line[0]:10.3f} s  {text}"


def _words(entry: Entry, moment: Moment) -> str:
    sign = ">" if entry.line in moment.lines else " "
    return f"{sign} {entry.kind:<7} {entry.who:<10} {entry.what} {compact(entry.data)}".rstrip()


def consoles(entries: Sequence[Entry]) -> Iterator[Line]:
    """Yield what the guests' consoles and the QEMUs' stderr said."""
    for entry in entries:
        if entry.kind in ("console", "stderr"):
            yield entry.at, f"{entry.who} {entry.kind}: {entry.what}"
