"""A bench divides time rightly between QEMU and the harness, and says it to people and programs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from colo_harness.bench import figure, picture, suite
from colo_harness.bench.figure import Measure, Sample, Speedup
from colo_harness.bench.work import PARTS, Command, Part, Span, commands, shares, spans
from colo_harness.history import Entry, Kind


def entry(at: float, kind: Kind, who: str, what: str, **data: Any) -> Entry:
    """Return an entry of a history."""
    return Entry(at, kind, who, what, data)


def asked(name: str, sent: float, answered: float, value: Any = None, *, host: str = "host_a") -> Command:
    """Return a command."""
    return Command(host, name, sent, answered, value)


ENTRY = [
    entry(1.0, "event", "host_a", "STOP"),
    entry(1.25, "event", "host_b", "RESUME"),
    entry(1.5, "event", "host_a", "RESUME"),
    entry(1.75, "phase", "pair", "replicating"),
]
CHECKPOINT = [
    entry(3.0, "phase", "pair", "checkpoint"),
    entry(3.1, "event", "host_a", "STOP"),
    entry(3.2, "event", "host_b", "STOP"),
    entry(3.5, "event", "host_a", "RESUME"),
    entry(3.75, "event", "host_b", "RESUME"),
]
FAILOVER = [
    entry(5.0, "op", "echo-0", "exchange", op=0, type="invoke"),
    entry(5.25, "fault", "nemesis", "kill-primary", type="inject", fault=0),
    entry(6.5, "event", "host_b", "COLO_EXIT"),
    entry(6.75, "phase", "pair", "promoted"),
    entry(7.0, "op", "echo-0", "exchange", op=0, type="ok"),
]


@pytest.mark.parametrize(
    ("entries", "answers", "window", "expected"),
    [
        ([entry(1.0, "phase", "host_a", "exec")], [asked("qmp_capabilities", 1.5, 1.75)], (0.5, 2.0),
         {"launch": 0.5, "command": 0.25}),
        ([], [asked("migrate-incoming", 1.0, 1.1), asked("query-migrate", 1.5, 1.5, {"status": "active"}),
              asked("query-migrate", 2.0, 2.0, {"status": "completed"})], (1.0, 2.0), {"restore": 0.5}),
        (ENTRY, [asked("migrate", 0.5, 0.6)], (0.0, 2.0), {"entry": 1.0}),
        (CHECKPOINT, [], (2.5, 4.0), {"checkpoint": 0.75}),
        (FAILOVER, [asked("x-colo-lost-heartbeat", 6.0, 6.25, host="host_b")], (5.0, 7.0),
         {"session": 0.5, "failover": 0.5}),
    ],
    ids=["launch", "restore", "entry", "checkpoint", "failover"],
)  # fmt: skip
def test_whose_time_it_is(
    entries: list[Entry], answers: list[Command], window: tuple[float, float], expected: dict[Part, float]
) -> None:
    """QEMU's until its own stamp, the guest's while it owes an answer and can give it, the rest the harness's."""
    divided = shares(spans(entries, answers), *window)
    rest = window[1] - window[0] - sum(expected.values())
    assert {part: each for part, each in divided.items() if each} == pytest.approx({**expected, "harness": rest})


def test_each_moment_counts_once() -> None:
    """Where stretches overlap the first of PARTS has it; what lies outside does not count."""
    found = [Span("command", 0.0, 2.0), Span("launch", 1.0, 3.0), Span("session", 1.5, 9.0)]
    divided = shares(found, 0.5, 4.0)
    assert {part: each for part, each in divided.items() if each} == {"command": 0.5, "launch": 2.0, "session": 1.0}
    assert sum(divided.values()) == 3.5


def test_a_transcript_tells_its_commands() -> None:
    """Those that were answered, each with its answer; events and what is in the air are none."""
    lines = [
        {"at": 0.5, "way": "from", "message": {"QMP": {}}},
        {"at": 0.6, "way": "to", "message": {"execute": "qmp_capabilities"}},
        {"at": 0.7, "way": "from", "message": {"return": {}}},
        {"at": 1.0, "way": "to", "message": {"execute": "query-status", "id": "1"}},
        {"at": 1.5, "way": "to", "message": {"exec-oob": "yank", "id": "2"}},
        {"at": 1.7, "way": "from", "message": {"event": "STOP"}},
        {"at": 2.0, "way": "from", "message": {"return": {}, "id": "2"}},
        {"at": 2.5, "way": "from", "message": {"return": {"running": True}, "id": "1"}},
        {"at": 3.0, "way": "to", "message": {"execute": "quit", "id": "3"}},
    ]
    assert list(commands("host_a", map(json.dumps, lines))) == [
        asked("qmp_capabilities", 0.6, 0.7, {}),
        asked("yank", 1.5, 2.0, {}),
        asked("query-status", 1.0, 2.5, {"running": True}),
    ]


@pytest.mark.parametrize(
    ("aims", "holds"),
    [({}, None), ({"aim": 2.0}, True), ({"aim": 1.9}, False), ({"aim": 9.0, "share_aim": 0.2}, False)],
    ids=["none", "met", "missed", "share missed"],
)
def test_an_aim_is_held_against_the_median(aims: dict[str, float], *, holds: bool | None) -> None:
    """Of seconds, and of the harness's share."""
    walls = (1.0, 2.0, 9.0)
    measure = Measure("m", "a measure", **aims, samples=[Sample(wall, {"harness": wall / 2}) for wall in walls])
    assert (measure.wall, measure.qemu, measure.share, measure.holds) == (2.0, 1.0, 0.5, holds)


def test_two_processes_are_held_against_what_the_machine_allows() -> None:
    """Which is what the same work gains without pytest."""
    speed = Speedup(10, alone=30.0, side_by_side=20.0, pytest_alone=42.0, pytest_side_by_side=30.0)
    assert (speed.limit, speed.reached) == pytest.approx((1.5, 42 / 30 / 1.5))
    assert speed.as_json()["holds"]


@pytest.fixture
def measures() -> list[Measure]:
    """Two measures of three samples each."""
    entry = [Sample(1.0 + n, {"launch": 0.5, "entry": 0.25 + n, "harness": 0.25}) for n in range(3)]
    return [
        Measure("entry", "a pair", aim=1.5, samples=entry),
        Measure("pause", "a pause", samples=[Sample(0.05, {"checkpoint": 0.05})] * 3),
    ]


def test_the_document_has_machine_release_and_raw_samples(measures: list[Measure]) -> None:
    """So that two of them can be compared."""
    found = json.loads(json.dumps(figure.document(figure.machine(), "11.1.3", "tcg", measures, None)))
    assert (found["release"], found["accel"], found["repetitions"]) == ("11.1.3", "tcg", 3)
    assert found["machine"]["processors"] >= 1
    assert found["machine"]["processor"]
    first = found["measures"][0]
    assert (first["name"], first["seconds"], first["holds"]) == ("entry", 2.0, False)
    assert [sample["seconds"] for sample in first["samples"]] == [1.0, 2.0, 3.0]
    assert set(first["samples"][0]["parts"]) == set(PARTS)


def test_the_picture_shows_each_measure_and_part(measures: list[Measure], tmp_path: Path) -> None:
    """By words that can be read, and no part that took no time."""
    picture.draw(measures, "QEMU 11.1.3", tmp_path / "bench.svg")
    words = set(re.findall(r">([^<>]+)</text>", (tmp_path / "bench.svg").read_text(encoding="utf-8")))
    assert {"a pair: 2 s", "a pause: 0.05 s", "QEMU 11.1.3", "launch", "entry", "checkpoint", "harness", "aim"} <= words
    assert not {"failover", "session"} & words


def test_the_timed_test_exists(pytestconfig: pytest.Config) -> None:
    """It is a test of the suite that kills the primary."""
    path, _, name = suite.KILL_THE_PRIMARY[0].partition("::")
    source = (pytestconfig.rootpath / path).read_text(encoding="utf-8")
    assert re.search(rf"def {name}\((?:(?!\ndef ).)*Kill\(Role\.PRIMARY\)", source, re.DOTALL)
