"""The picture of a bench: each measure's seconds as a bar, divided by whose they were, with its aim."""

from collections.abc import Sequence
from pathlib import Path

from colo_harness.bench.figure import Measure
from colo_harness.bench.work import Part

COLOURS: dict[Part, str] = {
    "launch": "#4477aa",
    "restore": "#66ccee",
    "entry": "#228833",
    "checkpoint": "#ccbb44",
    "failover": "#ee6677",
    "command": "#aa3377",
    "session": "#bbbbbb",
    "harness": "#222222",
}
"""In the order of a bar; told apart by the colour-blind too (Paul Tol, "bright")."""


def draw(measures: Sequence[Measure], title: str, path: Path) -> None:
    """Write an SVG to `path`."""
    from matplotlib import rc_context  # noqa: PLC0415 - takes most of a second
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "colo", "font.size": 10}):
        figure = Figure(figsize=(10, 1.8 + 0.6 * len(measures)), layout="constrained")
        axes = figure.add_subplot()
        names = [f"{measure.what}: {measure.wall:.3g} s" for measure in measures]
        left = [0.0] * len(measures)
        for part, colour in COLOURS.items():
            widths = [measure.part(part) for measure in measures]
            if any(widths):
                axes.barh(names, widths, left=left, color=colour, label=part)
            left = [before + width for before, width in zip(left, widths, strict=True)]
        for place, measure in enumerate(measures):
            if measure.aim:
                axes.plot([measure.aim] * 2, [place - 0.45, place + 0.45], color="black", linestyle="--")
        axes.plot([], [], color="black", linestyle="--", label="aim")
        axes.invert_yaxis()
        axes.set_xlabel("seconds (median)")
        axes.set_title(title, loc="left")
        figure.legend(loc="outside lower center", ncols=5, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
