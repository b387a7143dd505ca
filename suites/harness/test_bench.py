"""A bench divides time rightly between QEMU and the harness, and says it to people and programs."""

import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colo_harness.bench import figure, picture, suite
from colo_harness.bench.figure import Measure, Sample, Speedup
from colo_harness.bench.work import Command, Part, Span, commands, read_commands, shares, spans
from colo_harness.cli import main
from colo_harness.errors import StartupFailed
from colo_harness.history import VERSION, Entry, Kind
from colo_harness.report.results import FOLDER
from colo_harness.settings import Settings

COMMAND = "colo_harness.cli.bench"


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


def test_a_second_qemu_is_of_the_same_host(tmp_path: Path) -> None:
    """Its folder has a number; commands of both come in the order of sending."""
    for folder, at in (("host_a-2", 9.0), ("host_a", 1.0)):
        (tmp_path / folder).mkdir()
        sent = {"way": "to", "at": at, "message": {"execute": "stop", "id": "1"}}
        answered = {"way": "from", "at": at + 1, "message": {"return": {}, "id": "1"}}
        lines = f"{json.dumps(sent)}\n{json.dumps(answered)}\n"
        (tmp_path / folder / "main.qmp.jsonl").write_text(lines, encoding="utf-8")
    assert [(one.host, one.sent) for one in read_commands(tmp_path)] == [("host_a", 1.0), ("host_a", 9.0)]


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
    assert first["samples"][0]["parts"] == {"launch": 0.5, "entry": 0.25, "harness": 0.25}


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


def _allure(folder: Path, name: str, start: float, origin: float) -> None:
    """Write what Allure leaves of a test whose only own fixture lasts a second, and its body another."""
    (folder / f"{name}.jsonl").write_text(
        json.dumps({"history": VERSION, "origin": origin})
        + "\n"
        + json.dumps({"at": 0.5, "kind": "phase", "who": "host_a", "what": "exec", "data": {}})
        + "\n",
        encoding="utf-8",
    )
    asks = {"at": 1.0, "way": "to", "message": {"execute": "qmp_capabilities"}}
    answer = {"at": 1.0, "way": "from", "message": {"return": {}}}
    (folder / f"{name}-qmp.jsonl").write_text(f"{json.dumps(asks)}\n{json.dumps(answer)}\n", encoding="utf-8")
    attachments = [
        {"name": "history", "source": f"{name}.jsonl"},
        {"name": "host_a/qmp: QMP transcript", "source": f"{name}-qmp.jsonl"},
    ]
    result = {"uuid": name, "start": (start + 1) * 1000, "stop": (start + 2) * 1000, "attachments": attachments}
    (folder / f"{name}-result.json").write_text(json.dumps(result), encoding="utf-8")
    own = {"children": [name], "befores": [{"start": start * 1000}]}
    (folder / f"{name}-container.json").write_text(json.dumps(own), encoding="utf-8")


def test_a_whole_test_lasts_until_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one starts the run and does not count; a fixture that all share is nobody's."""
    folder = tmp_path / FOLDER
    folder.mkdir()

    def pytest_runs(arguments: list[str]) -> None:
        assert "--soak=4" in arguments
        for number, start in enumerate([100.0, 110.0, 113.0, 117.0]):
            _allure(folder, f"test-{number}", start, origin=start)
        shared = {"children": [f"test-{number}" for number in range(4)], "befores": [{"start": 90_000}]}
        (folder / "lab-container.json").write_text(json.dumps(shared), encoding="utf-8")

    monkeypatch.setattr(suite, "pytest", pytest_runs)
    samples = suite.whole_tests(Settings(), tmp_path, 2)
    assert [sample.wall for sample in samples] == [3.0, 4.0]
    assert [sample.parts["launch"] for sample in samples] == [0.5, 0.5]


def test_the_command_leaves_figures_and_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a line for each measure, whether its aims hold; one that is missed is no failure."""
    lab = SimpleNamespace(settings=Settings(run_dir=tmp_path), contract=SimpleNamespace(version="11.1.3"))
    slow = Sample(2.0, {"launch": 1.0, "harness": 1.0})
    names = ("entry", "checkpoint", "pause", "stall", "cycle", "scenario")
    monkeypatch.setattr("colo_harness.bench.room.open_lab", lambda *_: nullcontext(lab))
    monkeypatch.setattr(f"{COMMAND}.accelerator.for_linux", lambda _: "tcg")
    monkeypatch.setattr(f"{COMMAND}.scenario.measure", lambda *_: {name: [slow] for name in names})
    monkeypatch.setattr(f"{COMMAND}.suite.whole_tests", lambda *_: [slow] * 3)
    monkeypatch.setattr(f"{COMMAND}.suite.collection", lambda _: Sample(1.0, {"harness": 1.0}))
    monkeypatch.setattr(f"{COMMAND}.parallel.speedup", lambda *_: Speedup(6, 3.0, 2.0, 3.0, 2.0))
    monkeypatch.setattr(sys, "argv", ["colo", "bench", "--repeat=3", "--parallel", f"--results-dir={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    found = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    holds = {measure["name"]: measure["holds"] for measure in found["measures"]}
    assert holds == {
        **dict.fromkeys(names),
        "entry": False,
        "cycle": True,
        "scenario": False,
        "test": False,
        "collection": True,
    }
    assert found["parallel"]["reached"] == 1
    assert (tmp_path / "bench.svg").stat().st_size
    said = capsys.readouterr().out
    assert re.search(r"whole kill-the-primary test.* 2\.000 +1\.000 +50% .* no", said)
    assert "the machine allows 1.50 times" in said


def test_a_qemu_that_does_not_start_a_pair_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what to do."""

    def refuse(*_: object) -> None:
        raise StartupFailed("this QEMU has no colo-compare")

    monkeypatch.setattr("colo_harness.bench.room.open_lab", refuse)
    monkeypatch.setattr(sys, "argv", ["colo", "bench", f"--results-dir={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "nothing to time: this QEMU has no colo-compare" in capsys.readouterr().err
