"""The picture of a timeline: legible in light and dark, small, always the same; and the command that draws one."""

import json
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from colo_harness.cli import app
from colo_harness.errors import UsageError
from colo_harness.history import VERSION, Entry, Header
from colo_harness.machine.process import run
from colo_harness.report.timeline.lane import Look
from colo_harness.report.timeline.model import timeline_of
from colo_harness.report.timeline.style import GRID, INK, PAPER, STYLES
from suites.harness.histories import Tape, failover
from suites.harness.stories import crowd, killed, long_history

SMALL = 40 * 1024
"""Bytes: a report of the whole suite holds some 170 pictures in one page."""


def picture(entries: Iterable[Entry], title: str = "a test") -> str:
    """Return the SVG of entries."""
    from colo_harness.report.timeline.drawing import svg  # noqa: PLC0415 - half a second, which collecting need not cost

    return svg(timeline_of(entries, title)).decode()


def words(drawn: str) -> set[str]:
    """Return the texts of a well-formed SVG."""
    root = ET.fromstring(drawn)  # noqa: S314 - our own, just drawn
    texts = root.iter("{http://www.w3.org/2000/svg}text")
    return {"".join(text.itertext()).replace("\N{NO-BREAK SPACE}", "") for text in texts}


@pytest.mark.parametrize("tell", [lambda: killed().entries, crowd, long_history, list])
def test_pictures_are_small(tell: Callable[[], list[Entry]]) -> None:
    """Whatever a history holds."""
    assert len(picture(tell())) <= SMALL


def test_the_same_history_makes_the_same_bytes() -> None:
    """Whatever anybody has set in matplotlib."""
    with import_module("matplotlib").rc_context(
        {"svg.fonttype": "path", "grid.linestyle": ":", "legend.labelspacing": 3}
    ):
        unsettled = picture(killed().entries)
    assert unsettled == picture(killed().entries)


def test_everything_is_named() -> None:
    """Title, verdict, lanes, events, and the meaning of each look that occurs."""
    told = words(picture(killed().entries, "Session outlives [kill]"))
    assert {
        "Session outlives [kill]",
        "not judged",
        "kill-primary",
        "host_a",
        "host_b",
        "checkpoints",
        "echo-0",
    } <= told
    assert {"start", "replicating", "failover to secondary", "host_b promoted", "host_b COLO_EXIT (error)"} <= told
    assert {"running", "paused", "dead", "primary", "secondary", "checkpoint: received to loaded"} <= told
    assert {"fault: injected", "operation: ok", "stall, 0.5 s or more"} <= told
    assert "operation: fail" not in told
    assert {"0 s", "2 s", "8 s"} <= told


def test_names_are_text_and_nothing_else() -> None:
    """Neither markup nor mathematics nor control characters; a glyph that no font has is no trouble."""
    nasty = ("</text><script>", "$\\frac{1}{2}$ & Co", "bell\a", "\U0001f600", 'quo"te')
    tape = Tape()
    for number, name in enumerate(nasty):
        tape.op(number, name, "echo")
    told = words(picture(tape.entries, "<b>$x$"))
    assert {"<b>$x$", nasty[0], nasty[1], "bell\N{REPLACEMENT CHARACTER}", nasty[3], nasty[4]} <= told


def test_long_names_are_cut() -> None:
    """They keep clear of the lanes."""
    told = words(picture(Tape().op(0, "a-session-with-a-very-long-name", "echo").entries))
    assert "a-session-with-a-very-l…" in told


def test_every_colour_has_one_for_the_dark() -> None:
    """And no two of the light ones are the same, by which they are found."""
    drawn = picture([*killed().entries, *crowd()])
    used = set(re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", drawn.partition("</style>")[2]))
    ruled = set(re.findall(r'\[style\*="([^"]+)"\]', drawn))
    assert used == ruled
    light = [style.light for style in STYLES.values()] + [PAPER[0], INK[0], GRID[0]]
    assert len(set(light)) == len(light)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_written_can_be_read(scheme: int) -> None:
    """Its contrast is 4.5 at least, as WCAG 2 (1.4.3) asks; of the bars 1.25 to what lies beneath."""
    styles = {look: (style.light, style.dark)[scheme] for look, style in STYLES.items()}
    paper, ink = PAPER[scheme], INK[scheme]
    states: tuple[Look, ...] = ("starting", "running", "paused", "frozen")
    assert min(contrast(ink, below) for below in [paper, *(styles[state] for state in states)]) >= 4.5
    assert min(contrast(styles[look], paper) for look in ("event", "failover", "violation")) >= 4.5
    assert min(contrast(paper, styles[look]) for look in ("ok", "info", "fail")) >= 4
    assert min(contrast(colour, paper) for colour in styles.values()) >= 1.25


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_look_has_a_style() -> None:
    """In the order of the legend."""
    assert tuple(STYLES) == get_args(Look)


def test_matplotlib_is_imported_only_to_draw() -> None:
    """It takes half a second, which neither collecting tests nor another command may cost."""
    code = "import sys, fixtures.report, colo_harness.cli; sys.exit('matplotlib' in sys.modules)"
    run([sys.executable, "-c", code], timeout=60)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A history on disk."""
    lines = [{key: value for key, value in asdict(entry).items() if key != "line"} for entry in failover()]
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(map(json.dumps, [asdict(Header(VERSION, origin=0.0)), *lines])) + "\n")
    return path


def test_colo_draws_beside_the_history(recorded: Path) -> None:
    """And says where."""
    result = CliRunner().invoke(app, ["timeline", str(recorded)])
    assert (result.exit_code, result.output.strip()) == (0, str(recorded.with_suffix(".svg")))
    assert recorded.with_suffix(".svg").read_bytes() == picture(failover(), "history").encode()


def test_colo_draws_where_it_is_told(recorded: Path, tmp_path: Path) -> None:
    """And nowhere else."""
    result = CliRunner().invoke(app, ["timeline", str(recorded), "--out", str(tmp_path / "mine.svg")])
    assert result.exit_code == 0
    assert "echo-1" in words((tmp_path / "mine.svg").read_text())
    assert not recorded.with_suffix(".svg").exists()


def test_colo_names_the_damaged_line(recorded: Path) -> None:
    """And draws nothing."""
    lines = recorded.read_text().splitlines()
    recorded.write_text("\n".join([*lines[:4], '{"at": 3', *lines[5:]]))
    error = CliRunner().invoke(app, ["timeline", str(recorded)]).exception
    assert isinstance(error, UsageError)
    assert f"{recorded}:5: " in str(error)
    assert not recorded.with_suffix(".svg").exists()


def test_colo_says_what_it_cannot_read_or_write(recorded: Path, tmp_path: Path) -> None:
    """With what to do about it."""
    assert CliRunner().invoke(app, ["timeline", str(tmp_path / "none")]).exit_code == 2
    error = CliRunner().invoke(app, ["timeline", str(recorded), "--out", str(tmp_path / "no" / "a.svg")]).exception
    assert isinstance(error, UsageError)
    assert "--out" in str(error)
