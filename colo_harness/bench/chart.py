"""A chart as SVG, drawn by matplotlib, for light and dark surroundings and for paper."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from colo_harness.report.timeline.style import FAINT, GRID, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (
    ("#3b6ea8", "#7fb0e6"),
    ("#c2571a", "#f0955c"),
    ("#2f8553", "#6cc791"),
    ("#8d4fa3", "#c891dc"),
    ("#a08412", "#dcc04f"),
)
"""In light and in dark surroundings; told apart by the colour-blind, too, and beside one another on grey paper."""
HATCHES = ("", "//", "..", "xx", "\\\\")
"""What tells bars apart where there is no colour."""
MARKS = "osD^v"
_RC: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "colo",
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "text.color": INK[0],
    **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), INK[0]),
    **dict.fromkeys(("xtick.color", "ytick.color", "axes.edgecolor"), FAINT[0]),
}


class Chart:
    """One figure with a row of axes; `save` writes it."""

    def __init__(self, title: str, note: str, columns: int = 1, height: float = 3.6) -> None:
        from matplotlib.figure import Figure  # noqa: PLC0415 - matplotlib takes most of a second

        self.figure = Figure(figsize=(7.5, height), layout="constrained", facecolor=PAPER[0])
        self.figure.suptitle(title, color=INK[0], x=0.01, ha="left", fontsize=11, fontweight="bold")
        self.figure.supxlabel(note, color=FAINT[0], x=0.01, ha="left", fontsize=7.5)
        self.axes: list[Axes] = list(self.figure.subplots(1, columns, squeeze=False)[0])
        for axes in self.axes:
            axes.set_facecolor(PAPER[0])
            axes.tick_params(colors=FAINT[0], labelcolor=INK[0])
            axes.grid(color=GRID[0], linewidth=0.8)
            axes.set_axisbelow(True)
            for name, spine in axes.spines.items():
                spine.set_visible(name in ("left", "bottom"))
                spine.set_color(FAINT[0])

    def save(self, path: Path) -> None:
        """Write the picture; what is hatched has its colours in attributes, all else in styles."""
        self._explain()
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        pairs = [*COLOURS, PAPER, INK, FAINT, GRID]
        rules = "".join(
            f'[style*="{what}: {light}"],[{what}="{light}"]{{{what}:{dark}!important}}'
            for light, dark in pairs
            for what in ("fill", "stroke")
        )
        sheet = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>\n"
        head, tag, rest = buffer.getvalue().partition("<defs>")
        path.write_text(f"{head}{sheet}{tag}{rest}", encoding="utf-8")

    def _explain(self) -> None:
        """Put a legend into the axes that show several things."""
        for axes in self.axes:
            if len(axes.get_legend_handles_labels()[1]) > 1:
                axes.legend(frameon=False, labelcolor=INK[0], fontsize=8, ncols=3 if axes.patches else 1)


@contextmanager
def chart(path: Path, title: str, note: str, columns: int = 1, height: float = 3.6) -> Iterator["list[Axes]"]:
    """Yield the axes of a picture that is written to `path` in the end."""
    from matplotlib import rc_context  # noqa: PLC0415 - as above

    with rc_context(_RC):
        drawn = Chart(title, note, columns, height)
        yield drawn.axes
        drawn.save(path)


def say(axes: "Axes", *, x: str = "", y: str = "", title: str = "") -> None:
    """Write what the axes are."""
    axes.set_xlabel(x, color=INK[0])
    axes.set_ylabel(y, color=INK[0])
    axes.set_title(title, color=INK[0], loc="left", fontsize=9)


def stacked(axes: "Axes", names: Sequence[str], parts: Sequence[Mapping[str, float]], scale: float = 1000) -> None:
    """Draw a bar for each name, divided into its parts."""
    below = [0.0] * len(names)
    for number, part in enumerate(parts[0]):
        heights = [scale * one[part] for one in parts]
        look: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)][0], "hatch": HATCHES[number % len(HATCHES)]}
        axes.bar(names, heights, bottom=below, width=0.6, label=part, edgecolor=PAPER[0], **look)
        below = [one + height for one, height in zip(below, heights, strict=True)]
    axes.set_ylim(top=1.3 * max(below))


def ratios(axes: "Axes", rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Draw a point with its interval for each name of each row; a row has a look of its own, names share a place."""
    for number, (row, points) in enumerate(rows.items()):
        places = [place + (number - (len(rows) - 1) / 2) * 0.2 for place in range(len(points))]
        middles = [one["ratio"] for one in points.values()]
        below = [max(one["ratio"] - one["low"], 0) for one in points.values()]
        above = [max(one["high"] - one["ratio"], 0) for one in points.values()]
        look: dict[str, Any] = {"color": COLOURS[number][0], "marker": MARKS[number], "label": row}
        axes.errorbar(places, middles, yerr=(below, above), linestyle="none", capsize=3, **look)
        axes.set_xticks(range(len(points)), list(points))
    axes.axhline(1, color=FAINT[0], linestyle="--", linewidth=1)
    _logarithmic(axes)


def cumulative(axes: "Axes", values: Mapping[str, Sequence[float]], scale: float = 1000) -> None:
    """Draw how many per cent of the values of each name are not above a value."""
    for number, (name, taken) in enumerate(values.items()):
        ordered = sorted(scale * one for one in taken)
        shares = [100 * (place + 1) / len(ordered) for place in range(len(ordered))]
        look: dict[str, Any] = {"color": COLOURS[number][0], "linestyle": ("-", "--", ":", "-.")[number % 4]}
        axes.step([ordered[0], *ordered], [0, *shares], where="post", label=name, **look)


def marked(axes: "Axes", values: Mapping[str, float], scale: float = 1000) -> None:
    """Draw a line across the axes for each value, with its name."""
    for name, value in values.items():
        axes.axvline(scale * value, color=FAINT[0], linestyle=":", linewidth=1.2)
        axes.annotate(
            name, (scale * value, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -3),
            textcoords="offset points", rotation=90, va="top", color=INK[0], fontsize=7.5,
        )  # fmt: skip


def scattered(axes: "Axes", rows: Mapping[str, Mapping[int, Sequence[float]]], scale: float = 1000) -> None:
    """Draw each value of each row, and a line through the medians; the x axis has the powers of two."""
    for number, (name, points) in enumerate(rows.items()):
        colour, mark = COLOURS[number][0], MARKS[number]
        for at, taken in points.items():
            axes.plot([at] * len(taken), [scale * one for one in taken], mark, color=colour, markersize=3, alpha=0.5)
        middles = [scale * median(taken) for taken in points.values()]
        axes.plot(list(points), middles, color=colour, marker=mark, markersize=5, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(next(iter(rows.values()))), [f"{at:g}" for at in next(iter(rows.values()))])
    _logarithmic(axes)


def _logarithmic(axes: "Axes") -> None:
    """Give the y axis powers of ten, and plain numbers at them and between."""
    from matplotlib.ticker import LogLocator  # noqa: PLC0415 - as above

    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for let in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        let(lambda value, _: f"{value:g}")
