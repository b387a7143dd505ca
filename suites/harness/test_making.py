"""The report of runs: what is merged, what is kept of earlier ones, and what programs get."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from colo_harness.errors import HarnessError, UsageError
from colo_harness.report.gathering import LABEL, gather
from colo_harness.report.junit import junit
from colo_harness.report.making import make
from colo_harness.report.packing import pack
from colo_harness.report.past import CLAIMS, LIMIT, Past, Point, points
from colo_harness.report.results import FOLDER, read_environment, write, write_environment
from colo_harness.report.runs import Run, environments
from colo_harness.report.summary import summary
from colo_harness.settings import Settings
from suites.harness.carried import carried

COLO = Path(sys.executable).with_name("colo")
START = 1_795_000_000_000
OLDER = {"QEMU": "10.0.13 (promises of 10.0)", "accelerator of Linux guests": "kvm (fast)"}
NEWER = {"QEMU": "11.1.3 (promises of 11.0)", "accelerator of Linux guests": "tcg (slow)", "netem": "missing: no netem"}
FINDING = "finding: docs/findings/0001-tcp-timestamps.md"

Place = Callable[..., Path]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return what leaves a run of one test there, which came to `verdict`."""

    def left(name: str, verdict: str = "valid", *, start: int = START, environment: dict[str, str] = NEWER) -> Path:
        raw = tmp_path / name / FOLDER
        raw.mkdir(parents=True)
        status = {"valid": "passed", "known": "skipped"}.get(verdict, "failed")
        labels = [{"name": "epic", "value": "failover"}, {"name": "feature", "value": "FT-1: It <holds>."}]
        result = {"uuid": name, "name": "It", "fullName": "a#it", "status": status, "start": start, "stop": start + 9}
        write(raw / f"{name}-result.json", {**result, "labels": labels, "statusDetails": {"message": verdict}})
        (raw / f"{name}-attachment.txt").write_text(name)
        write_environment(raw, environment)
        told: dict[str, Any] = {"verdict": verdict, "reason": FINDING if verdict == "known" else "no\x00t"}
        claim = {"id": "FT-1", "area": "failover", "seconds": 1.0, **told}
        test = {"id": "suites/a/test_it.py::test_it[a]", "claims": ["FT-1"], "seconds": 1.5, **told}
        document = {"claims": [claim], "tests": [test], "skipped": {"netem": 4}, "broken": ["the mill stood still"]}
        (raw.parent / "claims.json").write_text(json.dumps(document))
        return raw.parent

    return left


def named(*places: Path) -> dict[str, list[Run]]:
    """Return the runs by environment."""
    return environments([Run.of(place) for place in places])


def test_an_environment_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Whatever its keys and values have in them."""
    told = {"guest: kernel": r"C:\q = 1", "a = b": "two\nlines"}
    write_environment(tmp_path, told)
    assert read_environment(tmp_path) == told


def test_runs_are_merged_by_what_they_judged(place: Place) -> None:
    """Two of one QEMU are one environment, another QEMU is another, raw results may be named themselves."""
    told = named(place("one"), place("two", start=START + 1), place("three", environment=OLDER) / FOLDER)
    assert {name: len(runs) for name, runs in told.items()} == {"QEMU 11.1.3, tcg": 2, "QEMU 10.0.13, kvm": 1}


def test_what_is_gathered_is_labelled(place: Place, tmp_path: Path) -> None:
    """Each result with its environment; what it refers to comes along."""
    everything = tmp_path / "gathered"
    everything.mkdir()
    gather(named(place("one"), place("two", environment=OLDER)), everything)
    results = [json.loads(path.read_text()) for path in sorted(everything.glob("*-result.json"))]
    labels = [label["value"] for result in results for label in result["labels"] if label["name"] == LABEL]
    assert labels == ["QEMU 11.1.3, tcg", "QEMU 10.0.13, kvm"]
    assert (everything / "two-attachment.txt").read_text() == "two"


@pytest.mark.parametrize(
    ("verdict", "element"),
    [("valid", None), ("invalid", "failure"), ("unknown", "error"), ("known", "skipped"), ("skipped", "skipped")],
)
def test_verdicts_are_told_in_junit(place: Place, verdict: str, element: str | None) -> None:
    """A suite for each environment, a case for each test with its verdict, one for what broke besides."""
    suite = ET.fromstring(junit(named(place("one", verdict))))[0]  # noqa: S314 - ours
    case, broken = suite.findall("testcase")
    assert case.attrib == {"classname": "suites.a.test_it", "name": "test_it[a]", "time": "1.500"}
    assert [one.tag for one in case if one.tag != "properties"] == ([element] if element else [])
    assert [one.attrib["value"] for one in case.iter("property")] == [verdict, "FT-1"]
    assert broken.find("error") is not None
    assert suite.attrib["errors"] == str(1 + (element == "error"))


def test_a_summary_tells_the_run(place: Place, tmp_path: Path) -> None:
    """Claims with their verdicts, what has changed, skips with what the doctor said, known issues, environment."""
    runs = named(place("one", "known"))
    past = Past(tmp_path)
    past.add([Point(START - 1, "QEMU 11.1.3, tcg", {"FT-1": "invalid"})])
    page = summary(runs, points(runs), past, {"docs/findings/0001-tcp-timestamps.md": "1. They jump"})
    for text in (
        "FT-1 invalid → known",
        "It &lt;holds&gt;.",
        "netem: 4 tests; missing: no netem",
        "1. They jump (docs/findings/0001-tcp-timestamps.md): 1 test",
        "the mill stood still",
        "QEMU: 11.1.3 (promises of 11.0)",
    ):
        assert text in page


def test_an_area_stands_once(place: Place, tmp_path: Path) -> None:
    """However claims of several areas follow each other."""
    verdicts = place("one", "valid") / "claims.json"
    told = json.loads(verdicts.read_text())
    [claim] = told["claims"]
    told["claims"] = [
        {**claim, "id": f"FT-{at}", "area": area} for at, area in enumerate(["failover", "proxy", "failover"])
    ]
    verdicts.write_text(json.dumps(told))
    runs = named(verdicts.parent)
    page = summary(runs, points(runs), Past(tmp_path), {})
    assert [page.count(text) for text in ("failover: 2 valid", "proxy: 1 valid", "failover: 1")] == [1, 1, 0]


def test_the_past_is_bounded(tmp_path: Path) -> None:
    """The oldest runs go first; those of another environment are not compared with."""
    past = Past(tmp_path)
    for at in range(LIMIT + 2):
        past.add([Point(at, "new" if at % 2 else "old", {})])
    assert len(Past(tmp_path).points) == LIMIT
    assert [one.at for one in past.before(Point(LIMIT, "old", {}))] == list(range(2, LIMIT, 2))


def test_a_damaged_past_says_what_helps(tmp_path: Path) -> None:
    """It can be forgotten."""
    (tmp_path / CLAIMS).write_text("{")
    with pytest.raises(UsageError, match="remove it: the past is then forgotten"):
        Past(tmp_path)


@pytest.mark.needs("node")
def test_a_test_that_passes_again_is_seen(place: Place, settings: Settings, tmp_path: Path) -> None:
    """It is told as fixed; making a report once more takes its run in no second time."""
    out = tmp_path / "all"
    make([place("one", "invalid")], out, settings)
    later = place("two", start=START + 10_000)
    make([later], out, settings)
    files = carried(make([later], out, settings))
    results = [text for name, text in files.items() if name.startswith("data/test-results/")]
    assert [json.loads(one)["transition"] for one in results] == ["fixed"]
    assert [point.claims for point in Past(out / "history").points] == [{"FT-1": "invalid"}, {"FT-1": "valid"}]
    assert len((out / "history" / "tests.jsonl").read_text().splitlines()) == 2


@pytest.mark.needs("node")
def test_environments_stand_side_by_side(place: Place, settings: Settings, tmp_path: Path) -> None:
    """Each with its own results and what it was made in."""
    files = carried(make([place("one"), place("two", "invalid", environment=OLDER)], tmp_path / "all", settings))
    told = [json.loads(text) for name, text in files.items() if name.startswith("data/test-results/")]
    assert {one["environment"]: one["status"] for one in told} == {
        "QEMU 11.1.3, tcg": "passed",
        "QEMU 10.0.13, kvm": "failed",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no such folder"),
        (["."], "holds no results"),
        (["one", "--junit", "no/such/folder.xml"], "name a file that can be written"),
        (["cut-off"], "cut-off-result.json:1: Expecting"),
    ],
)
def test_errors_say_what_to_do(place: Place, tmp_path: Path, arguments: list[str], said: str) -> None:
    """And end with status 2."""
    place("one")
    (place("cut-off") / FOLDER / "cut-off-result.json").write_text('{"name"')
    ended = subprocess.run([COLO, "report", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_a_page_of_another_form_is_named() -> None:
    """A page of Allure's whose files are not found is refused, not shown empty."""
    with pytest.raises(HarnessError, match=r"1 keepers, 0 programs and 0 files"):
        pack("function d(name, value){ return keep(function () {}); }")
