"""Figures of a measurement are kept, compared and drawn as they were taken."""

import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from colo_harness.bench import acknowledgements, chart, filters, growth, outages, pauses, resyncs
from colo_harness.bench.charts import CHARTS, draw
from colo_harness.bench.comparison import compare
from colo_harness.bench.difference import Rule
from colo_harness.bench.load import LOADS
from colo_harness.bench.setting import SETTINGS
from colo_harness.bench.sheet import Sheet, percentile
from colo_harness.history import History
from colo_harness.judge.measuring import PARTS, Measured

RATIO = {"ratio": 2.0, "low": 1.5, "high": 2.5}
CASES = [pauses.name(case) for case in pauses.ALL]
MEMORIES = [(guest, mib) for guest, sizes in growth.MEMORIES.items() for mib in sizes]
ASKED = [growth.name(side.name, count) for side in growth.SIDES for count in growth.SESSIONS]
WAYS = [f"{what}, {way}" for what in acknowledgements.WHATS for way in acknowledgements.WAYS]
TAKEN: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "pauses": (CASES, PARTS),
    "services": ([], ()),
    "outages": ([outages.OUTAGE, outages.GAP], ("detection", "answer")),
    "acknowledgements": (WAYS, PARTS),
    "filters": ([], ()),
    "resyncs": ([resyncs.name(size) for size in resyncs.SIZES], ("copied", "replicating")),
    "outage_growth": ([*growth.OUTAGES], ()),
    "sessions": ([*ASKED, *(f"{name}, p99" for name in ASKED)], ()),
    "memory": ([growth.of_memory(what, *case) for case in MEMORIES for what in growth.WHATS], ()),
}
"""Of each sheet that there is a picture of: what is measured, and into which parts it divides."""
DERIVED = {
    **{f"{setting.name}, {load}": RATIO for setting in SETTINGS for load in LOADS},
    **{f"{part}, {load}": RATIO for part in filters.PARTS for load in filters.TIMED},
    outages.GAP: {"p50": 0.2, "p99": 0.4},
}


def taken(name: str, longer: float = 1.0) -> Sheet:
    """Return a sheet with eight repetitions of each of its measures."""
    sheet = Sheet(name, History(), seed=1, derived=dict(DERIVED))
    measures, parts = TAKEN[name]
    for number in range(1, 9):
        for measure in measures:
            seconds = longer * (0.1 + number / 1000)
            sheet.take(measure, number, seconds, **{part: seconds / len(parts) for part in parts})
    return sheet


def test_each_picture_has_figures_here() -> None:
    """And no other."""
    assert set(TAKEN) == set(CHARTS)


@pytest.mark.parametrize("name", TAKEN)
def test_a_sheet_is_drawn_for_light_and_dark(name: str, tmp_path: Path) -> None:
    """In words that can be read, each colour with one of its own in the dark, and none of a date."""
    draw(taken(name), tmp_path / "chart.svg", "11.1.3 Debian", "tcg")
    picture = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert CHARTS[name][0] in re.findall(r">([^<>]+)</text>", picture)
    dark = picture.partition("<style>@media screen and (prefers-color-scheme:dark)")[2].partition("</style>")[0]
    drawn = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", picture.replace(dark, "")))
    assert drawn <= set(re.findall(r'"(?:fill|stroke): (#[0-9a-f]{6})"', dark))
    assert "<dc:date>" not in picture


def test_a_sheet_can_be_compared(tmp_path: Path) -> None:
    """With another of its kind, by what each repetition took."""
    quick, slow = (taken("pauses", longer).save(tmp_path / str(longer), "11.1.3", "tcg") for longer in (1.0, 2.0))
    assert {one.called for one in compare(quick, quick, Rule())} == {"not called"}
    assert {one.called for one in compare(quick, slow, Rule(level=0.2))} == {"slower"}
    assert json.loads(slow.read_text(encoding="utf-8"))["kind"] == "pauses"


def test_what_is_taken_is_told_to_the_history() -> None:
    """So that a checker can see whether something is lost."""
    sheet = taken("resyncs")
    names = tuple(sheet.measures)
    assert Measured(names, 8)(sheet.history.entries).valid == "valid"
    assert Measured(names, 9)(sheet.history.entries).valid == "unknown"


def test_percentiles() -> None:
    """Of many values and of one."""
    assert [percentile([float(n) for n in range(101)], part) for part in (50, 99)] == [50.0, 99.0]
    assert percentile([7.0], 99) == 7.0


def segment(at: float, port: int, seq: int, ack: int, content: bytes = b"") -> bytes:
    """Return a record of a capture: a TCP segment from or to the port 9998, at so many seconds."""
    tcp = struct.pack("!HHIIBBHHH", port, 9998 if port != 9998 else 5, seq, ack, 5 << 4, 16, 0, 0, 0) + content
    packet = struct.pack("!BBHHHBBH8x", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + tcp
    raw = struct.pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, bytes(8)) + packet
    return struct.pack("<IIII", int(at), round(at % 1 * 1e6), len(raw), len(raw)) + raw


def test_a_message_knows_when_it_was_acknowledged(tmp_path: Path) -> None:
    """By the first acknowledgement of all of it; one of what came before is none."""
    records = [
        segment(1.0, 9998, 1000, 7, b"recv"),
        segment(1.01, 5, 7, 1000),
        segment(1.04, 5, 7, 1004),
        segment(1.05, 9998, 1004, 7, b"load"),
    ]
    path = tmp_path / "checkpoints.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 276) + b"".join(records))
    path.with_suffix(".ports.json").write_text('{"1": "colo0"}', encoding="utf-8")
    found = [
        (round(one.at, 3), one.acknowledged and round(one.acknowledged, 3)) for one in acknowledgements.segments(path)
    ]
    assert found == [(1.0, 1.04), (1.05, None)]


def test_colours_and_marks_are_enough() -> None:
    """For the parts of a pause, and for as many rows as a chart has."""
    assert len(chart.COLOURS) == len(chart.HATCHES) == len(chart.MARKS) == len(PARTS)
