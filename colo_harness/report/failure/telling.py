"""A telling: all that the page of a failed test says beyond its files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from colo_harness.recording import load
from colo_harness.report.failure import excerpt, monitors, orders, packets
from colo_harness.report.failure.departures import departures
from colo_harness.report.failure.moment import moment_of
from colo_harness.report.failure.scenario import Step, scenario
from colo_harness.report.failure.started import started

WHERE = 40, 20
"""Lines of monitors and frames before the moment, and after it."""


@dataclass(frozen=True)
class Telling:
    """The verdict in one sentence, empty where no checker said no; the steps; excerpts by name."""

    sentence: str
    steps: tuple[Step, ...]
    excerpts: Mapping[str, str]
    origin: float
    """CLOCK_REALTIME, in seconds, where the history's time begins."""

    def as_json(self) -> dict[str, Any]:
        """Return what the raw results are mended with."""
        return {"sentence": self.sentence, "origin": self.origin, "steps": [asdict(step) for step in self.steps]}


PARTS = "parts.inspected"
"""The file in which both sides were asked about themselves when the checkers had said no."""


def tell(folder: Path, history: Path) -> Telling:
    """Tell what happened in a test that left its files in `folder`. Raises UsageError for a damaged history."""
    recording = load(history)
    entries, origin = recording.entries, recording.header.origin
    moment = moment_of(entries)
    before, after = WHERE
    frames = chain(packets.seen(folder, origin), packets.recorded(entries))
    texts = {
        "what differs from the document": departures(folder, entries),
        "parts of both sides, once all was judged": _parts(folder),
        "what both sides were started with": started(folder),
        "what both sides were told": excerpt.around(orders.given(folder), moment.at, before=before, after=after),
        "what happened around it": excerpt.of_history(entries, moment),
        "both monitors before it": excerpt.around(monitors.said(folder), moment.at, before=before, after=after),
        "consoles and stderr": excerpt.around(excerpt.consoles(entries), moment.at),
        "frames around it": excerpt.around(frames, moment.at, before=before, after=after),
    }
    excerpts = {name: text for name, text in texts.items() if text}
    steps = scenario(entries, moment, list(excerpts))
    return Telling(moment.sentence, tuple(steps), excerpts, origin)


def _parts(folder: Path) -> str:
    path = folder / PARTS
    return path.read_text(encoding="utf-8") if path.is_file() else ""
