"""A timeline as SVG, drawn by matplotlib, for light and dark surroundings.

What is the same in the model is the same in bytes: no date, no random ids.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from colo_harness.report.timeline.lane import Bar, Group, Lane, Look, Mark
from colo_harness.report.timeline.model import Timeline
from colo_harness.report.timeline.style import FAINT, GRID, INK, PAPER, STYLES, Style

HEIGHTS: dict[Group, float] = {"events": 0, "faults": 15, "host": 20, "checkpoints": 14, "sessions": 15}
"""Points that a lane takes; the events' one grows with its rows."""
ROW = 12.0
SIZE = 8.5
SMALL = 7.5
TOP = 6.0
"""Points above the first lane."""
PAGE, LEFT, RIGHT, HEAD, FOOT, KEY = 720.0, 118.0, 14.0, 40.0, 24.0, 14.0
"""Points: width of the page, its margins, and the height of a line of the legend."""
DIAMOND: dict[str, Any] = {"linestyle": "none", "marker": "D", "markersize": 4, "markeredgewidth": 0}
FONTS = "'DejaVu Sans',Verdana,sans-serif"
"""The first is matplotlib's own, with which it measures; the second is as wide."""
SWATCH = 12.0
"""Points that a look takes in the legend."""
SPACE = "\N{NO-BREAK SPACE}"
"""One that SVG does not drop."""
KEYS = 4
"""So many looks are explained in a line of the legend."""

_RC: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "colo",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    "path.simplify": False,
}
_SUPERFLUOUS = (
    (re.compile(r"(<text.*)|(?<=\d\.\d\d)\d+"), r"\1"),  # a hundredth of a point is enough
    (re.compile(r" font-family: 'DejaVu Sans';"), ""),
    (re.compile(r' transform="rotate\(-0 [^)]*\)"'), ""),
    (re.compile(r"\s*\n\s*"), "\n"),
    (re.compile(r'\n(?=[Lz]|"[ /])'), ""),  # inside a path
    (re.compile(r"M (\S+) (\S+)\s*L (\S+) \2\b\s*"), r"M\1 \2H\3"),
)
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg(timeline: Timeline) -> bytes:
    """Return the picture."""
    out = io.BytesIO()
    with mpl.rc_context():
        mpl.rcParams.update({**mpl.rcParamsDefault, **_RC})
        _figure(timeline).savefig(out, format="svg", metadata=_NO_METADATA)
    return _finished(out.getvalue().decode()).encode()


def _figure(timeline: Timeline) -> Figure:
    tops, body = _laid_out(timeline.lanes)
    looks = _looks(timeline.lanes)
    below = FOOT + KEY * (-(-len(looks) // KEYS) + bool(timeline.note))
    height = HEAD + body + below
    figure = Figure((PAGE / 72, height / 72), facecolor=PAPER[0])
    FigureCanvasSVG(figure)
    axes = figure.add_axes((LEFT / PAGE, below / height, 1 - (LEFT + RIGHT) / PAGE, body / height), facecolor="none")
    _frame(axes, timeline, body, tops)
    for lane, top in zip(timeline.lanes, tops, strict=True):
        _draw(axes, lane, top, body)
    figure.text(8 / PAGE, 1 - 15 / height, timeline.title, color=INK[0], fontsize=11, fontweight="bold")
    figure.text(8 / PAGE, 1 - 30 / height, timeline.judged, color=_verdict_colour(timeline.judged))
    if timeline.note:
        figure.text(8 / PAGE, 5 / height, timeline.note, color=FAINT[0])
    _legend(figure, looks, 3 + KEY * bool(timeline.note))
    return figure


def _laid_out(lanes: Sequence[Lane]) -> tuple[list[float], float]:
    """Return where the middle of each lane is, in points from the top, and the height of all."""
    middles, top = [], TOP
    for lane in lanes:
        height = HEIGHTS[lane.group] or ROW * (1 + max((mark.row for mark in lane.marks), default=0)) + 6
        middles.append(top + height / 2)
        top += height
    return middles, top + 4


def _looks(lanes: Iterable[Lane]) -> list[Look]:
    seen = {bar.look for lane in lanes for bar in lane.bars} | {mark.look for lane in lanes for mark in lane.marks}
    return [look for look in get_args(Look) if look in seen]


def _frame(axes: Axes, timeline: Timeline, body: float, tops: Sequence[float]) -> None:
    axes.set(xlim=(timeline.axis.start, timeline.axis.end), ylim=(body, 0))
    axes.set_yticks(tops, [lane.name for lane in timeline.lanes], color=INK[0])
    axes.tick_params(length=0, colors=FAINT[0])
    axes.tick_params(axis="y", labelcolor=INK[0], pad=7)
    axes.grid(axis="x", color=GRID[0], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter("{x:g} s")
    axes.spines[:].set_visible(False)


def _draw(axes: Axes, lane: Lane, middle: float, body: float) -> None:
    for look in _looks([lane]):
        style = STYLES[look]
        _draw_bars(axes, [bar for bar in lane.bars if bar.look == look], middle + style.lowered, style)
        if lane.group == "events":
            _draw_events(axes, [mark for mark in lane.marks if mark.look == look], 2 * middle - TOP, body)
    for mark in lane.marks:
        if mark.look == "stall":
            axes.text(mark.at, middle, mark.text, color=PAPER[0], ha="center", va="center_baseline", fontsize=SMALL)
        elif lane.group != "events":
            axes.text(mark.at, middle, f"{SPACE}{mark.text}", color=INK[0], va="center_baseline", fontsize=SMALL)


def _draw_bars(axes: Axes, bars: Sequence[Bar], y: float, style: Style) -> None:
    """Draw all bars as one broken line: one path is a third as large as a rectangle for each."""
    if bars:
        ends = [(x, y) for bar in bars for x in (bar.start, bar.end)]
        path = Path(ends, [Path.MOVETO, Path.LINETO] * len(bars))
        axes.add_patch(PathPatch(path, fill=False, edgecolor=style.light, linewidth=style.height, capstyle="butt"))


def _draw_events(axes: Axes, marks: Sequence[Mark], floor: float, body: float) -> None:
    """Draw a diamond and a word for each; what is more than an event is a line through all lanes below `floor`, too."""
    heights = [TOP + (mark.row + 0.5) * ROW for mark in marks]
    for mark, y in zip(marks, heights, strict=True):
        colour = STYLES[mark.look].light
        if mark.look != "event":
            axes.plot([mark.at, mark.at], [floor, body], color=colour, linewidth=1, linestyle=(0, (3, 2)), zorder=3)
        side, word = ("right", f"{mark.text}{SPACE * 2}") if mark.flipped else ("left", f"{SPACE * 2}{mark.text}")
        if mark.text:
            axes.text(mark.at, y, word, color=colour, ha=side, va="center_baseline", fontsize=SMALL)
    if marks:
        (diamonds,) = axes.plot([mark.at for mark in marks], heights, color=STYLES[marks[0].look].light, **DIAMOND)
        diamonds.set_clip_on(False)


def _legend(figure: Figure, looks: Sequence[Look], bottom: float) -> None:
    """Say what each look means, row by row; to lay itself out matplotlib's own takes a third of the whole drawing."""
    width, height = PAGE - 16, figure.get_figheight() * 72
    for number, style in enumerate(STYLES[look] for look in looks):
        row, column = divmod(number, KEYS)
        x, y = 8 + column * width / KEYS, bottom + KEY * (-(-len(looks) // KEYS) - row - 0.5)
        figure.add_artist(_key(style, [x / PAGE, (x + SWATCH) / PAGE], y / height))
        word = figure.text((x + SWATCH + 5) / PAGE, y / height, style.meaning, color=INK[0], va="center_baseline")
        word.set_fontsize(SMALL)


def _key(style: Style, ends: list[float], y: float) -> Line2D:
    if style.height:
        width = min(style.height, 8)
        return Line2D(ends, [y, y], color=style.light, linewidth=width, solid_capstyle="butt")
    return Line2D([sum(ends) / 2], [y], color=style.light, **DIAMOND)


def _verdict_colour(judged: str) -> str:
    worst: Look | None = "violation" if judged.startswith("invalid") else None
    return STYLES[worst].light if worst else FAINT[0]


def _finished(picture: str) -> str:
    """Return the picture with what is superfluous left out, and with the colours of dark surroundings in it.

    matplotlib writes each colour into a style attribute, where a style sheet finds it by its text.
    """
    for superfluous, instead in _SUPERFLUOUS:
        picture = superfluous.sub(instead, picture)
    pairs = [(style.light, style.dark) for style in STYLES.values()] + [PAPER, INK, FAINT, GRID]
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in pairs
        for what in ("fill", "stroke")
        if f"{what}: {light}" in picture
    )
    sheet = f"<style>text{{font-family:{FONTS}}}@media(prefers-color-scheme:dark){{{rules}}}</style>\n"
    return picture.replace("<defs>", f"{sheet}<defs>", 1)
