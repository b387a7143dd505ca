"""The timeline: one picture of one history."""

from pathlib import Path

from colo_harness.recording import load
from colo_harness.report.timeline.model import timeline_of


def draw(history: Path, title: str) -> bytes:
    """Return the SVG of a recorded history. Raises UsageError that names the first damaged line."""
    from colo_harness.report.timeline.drawing import svg  # noqa: PLC0415 - matplotlib takes half a second to import

    return svg(timeline_of(load(history).entries, title))
