"""The report: what a run leaves in Allure's raw results, and the page that is made of them."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from colo_harness.errors import UsageError
from colo_harness.judge.again import again
from colo_harness.machine.process import run
from colo_harness.recording import load
from colo_harness.report import generator, results
from colo_harness.report.making import make
from colo_harness.report.node import Node
from colo_harness.settings import Settings
from suites.harness.carried import carried

CONFTEST = """
import os
from pathlib import Path

import pytest

from colo_harness.judge.claims import Claim
from colo_harness.settings import Settings
from fixtures.claims import CLAIMS
from fixtures.report import ENVIRONMENT

def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true")
    parser.addoption("--crash", action="store_true")

def pytest_configure(config):
    claim = Claim("FT-1", "A session outlives its host.", "qemu-colo, Failover", "failover")
    config.stash[CLAIMS] = {"FT-1": claim}
    config.stash[ENVIRONMENT] = {"QEMU": r"11.1 = C:\\q", "guest: kernel": "6.1"}
    for marker in ("claim", "control", "smoke", "failover", "xdist_group"):
        config.addinivalue_line("markers", marker)

@pytest.fixture(scope="session")
def settings(request):
    return Settings(run_dir=request.config.rootpath / "run", keep_artifacts=request.config.getoption("--keep"))
"""

TESTS = '''
import os
import socket

import pytest

from colo_harness.errors import MachineError, StartupFailed, Undecided
from colo_harness.history import History
from colo_harness.judge import check
from fixtures.report import LONG, TIMELESS, detail

@pytest.fixture
def pair(artifacts):
    detail("pid", os.getpid())
    (artifacts / "host_a").mkdir()
    (artifacts / "host_a" / "argv.txt").write_text("qemu-system-x86_64 -S")
    (artifacts / "host_a" / "host_a.err").touch()
    (artifacts / "disk.qcow2").write_text("huge")
    (artifacts / "service.pcap").write_bytes(bytes(range(256)))
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.bind(str(artifacts / "monitor"))
        yield artifacts
    with History(artifacts / "history.jsonl") as history:
        check(history)

@pytest.fixture
def bad_ending(pair):
    yield
    raise OSError("no space left on device")

@pytest.mark.smoke
@pytest.mark.claim("FT-1")
def test_holds(pair):
    """It holds.

    Indented as docstrings are.
    """

def no_reset():
    """Print itself with an address."""

@pytest.mark.parametrize("checker", [no_reset, lambda: None])
def test_fails(pair, checker):
    assert checker is None

def test_lacks_a_tap(pair):
    raise MachineError("no /dev/net/tun", "load tun")

def test_cannot_tell(pair):
    raise Undecided("no record after the fault")

def test_starts(pair):
    raise StartupFailed("stayed in setup")

def test_ends_badly(bad_ending):
    pass

def test_damages_its_history(artifacts):
    (artifacts / "history.jsonl").write_text("no history")

@pytest.mark.parametrize("size", [100, LONG], ids=["short", "long"])
def test_was_on_a_bench(request, artifacts, size):
    request.node.stash[TIMELESS] = True
    (artifacts / "history.jsonl").write_text("x" * size)

def test_kills_its_worker(request):
    if request.config.getoption("--crash"):
        os._exit(3)

@pytest.mark.xfail(strict=True, reason="bug 1", raises=AssertionError)
def test_known(pair):
    assert False
'''


@dataclass(frozen=True)
class Sample:
    """The raw results of one run of TESTS."""

    folder: Path
    tests: dict[str, dict[str, Any]]

    @property
    def attached(self) -> dict[str, list[str]]:
        """The names of the attachments of each test that has any."""
        tests = ((name, [*_attachments(test)]) for name, test in self.tests.items())
        return {name: [each["name"] for each in attachments] for name, attachments in tests if attachments}

    def failed(self, test: str) -> list[str]:
        """Return the names of the steps of a test that did not pass."""
        return [step["name"] for step in self.tests[test]["steps"] if step["status"] != "passed"]

    def labels(self, test: str, *names: str) -> dict[str, str]:
        """Return these labels of a test."""
        return {each["name"]: each["value"] for each in self.tests[test]["labels"] if each["name"] in names}

    def parts(self, pattern: str) -> list[dict[str, Any]]:
        """Return the JSON files whose names match."""
        return [json.loads(path.read_text()) for path in self.folder.glob(pattern)]


def _attachments(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from part.get("attachments", [])
    for step in part.get("steps", []):
        yield from _attachments(step)


Play = Callable[..., Sample]

TOLD = ["timeline", "history"]
FILES = [*TOLD, "host_a: command line", "service: packets"]
FAILED = [*TOLD, "what both sides were started with", "frames around it", "host_a: command line", "service: packets"]
"""Its packets are none, so that it is told that they cannot be read."""
UNDRAWN = "timeline: could not be drawn"
UNWELL = ["Cannot tell", "Ends badly", "Fails [<lambda>]", "Fails [no_reset]", "Lacks a tap", "Starts"]


@pytest.fixture(scope="module")
def play(settings: Settings) -> Play:
    """Return what runs TESTS with the given arguments; with the same ones only once, whichever worker asks."""

    @cache
    def played(*arguments: str) -> Sample:
        root = settings.run_dir / "".join(("report", *arguments))
        with FileLock(f"{root}.lock"):
            if not root.exists():
                _run_pytest(root, arguments)
        folder = root / "reports" / results.FOLDER
        tests = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
        return Sample(folder, {test["name"]: test for test in tests})

    return played


def _run_pytest(root: Path, arguments: tuple[str, ...]) -> None:
    for path, text in {
        root / "pytest.ini": "",
        root / "conftest.py": CONFTEST,
        root / "suites" / "failover" / "test_sample.py": TESTS,
        root / "suites" / "failover" / "test_broken.py": "import nothing_of_this_name",
        root / "reports" / results.FOLDER / "stale-result.json": "of an earlier run",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    argv: list[str | Path] = [sys.executable, "-m", "pytest", root, "--rootdir", root, "-p", "fixtures.report"]
    argv += ["-p", "no:cacheprovider", f"--basetemp={root}/temporary", "--continue-on-collection-errors", *arguments]
    run(argv, timeout=60, check=False)


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_failed_tests_carry_their_artifacts(play: Play, workers: str) -> None:
    """Each failed test has its files, named and in order; empty files, disks, sockets stay out.

    Any other test has its history, if it made one, and the timeline of it; of a bench only a short one, without.
    """
    attached = {**dict.fromkeys(UNWELL, FAILED), **dict.fromkeys(["Holds", "Known"], TOLD)}
    attached |= {"Damages its history": [UNDRAWN, "history"], "Was on a bench [short]": ["history"]}
    assert play(workers).attached == attached


def test_all_tests_carry_their_artifacts_when_asked(play: Play) -> None:
    """`--keep-artifacts` attaches the files of passed tests and known failures too."""
    attached = {**dict.fromkeys(UNWELL, FAILED), **dict.fromkeys(["Holds", "Known"], FILES)}
    attached |= {f"Was on a bench [{size}]": ["history"] for size in ("short", "long")}
    assert play("-n2", "--keep").attached == {**attached, "Damages its history": [UNDRAWN, "history"]}


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_timelines_are_pictures(play: Play, workers: str) -> None:
    """Of the test's own history, under its title."""
    sample = play(workers)
    for name in ("Holds", "Starts", "Fails [no_reset]"):
        timeline = sample.tests[name]["attachments"][0]
        assert timeline["type"] == "image/svg+xml"
        drawn = (sample.folder / timeline["source"]).read_text()
        assert drawn.startswith("<?xml")
        assert {f">{name}</text>", ">valid: 2 checkers</text>"} <= set(re.findall(r">[^<>]+</text>", drawn))


def test_a_history_that_cannot_be_drawn_costs_no_test(play: Play) -> None:
    """What is wrong with it is attached in place of the picture."""
    sample = play("-n0")
    damaged = sample.tests["Damages its history"]
    assert damaged["status"] == "passed"
    assert "history.jsonl:1: " in (sample.folder / damaged["attachments"][0]["source"]).read_text()


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_no_artifacts_are_left_behind(play: Play, workers: str) -> None:
    """The folders of all tests are gone after the run, whatever became of the tests."""
    run_dir = play(workers).folder.parents[1] / "run"
    assert [path for path in run_dir.rglob("*") if path.parent != run_dir] == []


def test_pcaps_have_their_type(play: Play) -> None:
    """A pcap arrives whole, under the type that Allure knows."""
    pcap = [*_attachments(play("-n0").tests["Starts"])][-1]
    assert pcap["type"] == "application/vnd.tcpdump.pcap"
    assert (play("-n0").folder / pcap["source"]).read_bytes() == bytes(range(256))


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_results_tell_product_from_harness(play: Play, workers: str) -> None:
    """What QEMU does wrong is failed, anything else that goes wrong is broken, a known bug skipped."""
    status = {name: test["status"] for name, test in play(workers).tests.items()}
    assert status == {
        "Holds": "passed",
        "Damages its history": "passed",
        "Was on a bench [short]": "passed",
        "Was on a bench [long]": "passed",
        "Kills its worker": "passed",
        "Known": "skipped",
        "Fails [no_reset]": "failed",
        "Fails [<lambda>]": "failed",
        "Starts": "failed",
        "Lacks a tap": "broken",
        "Cannot tell": "broken",
        "Ends badly": "broken",
    }


def test_known_failures_are_told_by_what_is_known(play: Play) -> None:
    """So that a category has those of one finding together; what was seen is with each."""
    details = play("-n0").tests["Known"]["statusDetails"]
    assert details == {"message": "XFAIL bug 1", "trace": "AssertionError: assert False"}


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_labels_follow_from_the_claim(play: Play, workers: str) -> None:
    """Area, claim and importance are labels; the docstring and the claim's source the description."""
    sample = play(workers)
    wanted = {"epic": "failover", "feature": "FT-1: A session outlives its host.", "severity": "critical"}
    assert sample.labels("Holds", *wanted) == wanted
    assert sample.labels("Starts", *wanted) == {"epic": "failover", "severity": "normal"}
    promised = "**FT-1** A session outlives its host.\n\nPromised in: qemu-colo, Failover"
    assert sample.tests["Holds"]["description"] == f"{promised}\n\nIt holds.\n\nIndented as docstrings are."


def test_what_differs_from_run_to_run_makes_no_other_test(play: Play) -> None:
    """Pids and addresses of functions change neither the id nor the parameters that Allure 3 makes its own id of."""
    identities = []
    for sample in (play("-n0"), play("-n2"), play("-n2", "--keep")):
        counted = {
            name: [(each["name"], each["value"]) for each in test.get("parameters", []) if not each.get("excluded")]
            for name, test in sample.tests.items()
        }
        identities.append((counted, sample.tests["Holds"]["historyId"]))
    assert identities[0] == identities[1] == identities[2]
    assert identities[0][0]["Fails [no_reset]"] == [("id", "'no_reset'"), ("checker", "'no_reset'")]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_only_fixtures_that_went_wrong_are_shown(play: Play, workers: str) -> None:
    """Neither set-ups nor tear-downs that passed, nor those that never ran; what is left bears its fixture's name."""
    parts = play(workers).parts("*-container.json")
    shown = [one for part in parts for side in ("befores", "afters") for one in part.get(side, [])]
    assert [(one["name"], one["status"]) for one in shown] == [("bad_ending", "broken")]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_failure_says_how_to_run_it_again(play: Play, workers: str) -> None:
    """Below the description of a failed test, and of no other, is its command, and then the timeline."""
    tests = play(workers).tests
    command = ".venv/bin/pytest 'suites/failover/test_sample.py::test_fails[no_reset]'"
    assert f"```sh\n{command}\n```" in tests["Fails [no_reset]"]["description"]
    assert '<img alt="timeline" width="100%" src="data:image/svg+xml;base64,' in tests["Starts"]["descriptionHtml"]
    assert "To run it again" not in tests["Holds"]["description"]


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_environment_and_collection_errors_are_told_once(play: Play, workers: str) -> None:
    """The controller writes the environment; a file that cannot be collected is one global error."""
    sample = play(workers)
    environment = (sample.folder / "environment.properties").read_text()
    assert environment == "QEMU = 11.1 = C:\\\\q\nguest\\:\\ kernel = 6.1\n"
    errors = [error["message"] for part in sample.parts("*-globals.json") for error in part["errors"]]
    assert len(errors) == 1
    assert errors[0].startswith("suites/failover/test_broken.py cannot be collected")
    assert "No module named 'nothing_of_this_name'" in errors[0]


def test_a_test_that_kills_its_worker_is_reported(play: Play) -> None:
    """A test that took its worker with it is broken, not absent."""
    dead = play("-n1", "--crash", "-k", "kills").tests["test_kills_its_worker"]
    assert dead["status"] == "broken"
    assert "crashed" in dead["statusDetails"]["message"]


def test_page_is_whole(play: Play, settings: Settings, tmp_path: Path) -> None:
    """The page holds results, categories, environment and attachments, and asks for nothing from elsewhere.

    Its histories can be judged as they are.
    """
    place = play("-n2").folder.parent
    page = make([place], place, settings)
    html = page.read_text()
    files = carried(page)
    text = {name: content.decode(errors="replace") for name, content in files.items()}
    categories = [node["name"] for node in json.loads(text["widgets/categories.json"])["nodes"].values()]
    assert set(categories) >= {
        "Product: no pair enters COLO",
        "Product: a promise is broken",
        "Undecided: the history does not tell",
        "Machine: a right, a tool or space is missing",
        "Harness: our own fault",
        "Known: expected to fail",
    }
    assert {"name": "guest: kernel", "values": ["6.1"]} in json.loads(text["widgets/allure_environment.json"])
    assert sum(name.startswith("data/test-results/") for name in text) == 12
    assert "qemu-system-x86_64 -S" in text.values()
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', html) == []
    histories = [content for name, content in files.items() if name.endswith(".jsonl")]
    whole = [content for content in histories if content.startswith(b"{")]
    assert (len(histories), len(whole)) == (10, 8)
    for content in whole:
        (tmp_path / "downloaded").write_bytes(content)
        assert again(load(tmp_path / "downloaded").entries).valid == "valid"


def test_page_needs_results(settings: Settings, tmp_path: Path) -> None:
    """Without results the user is told to run something."""
    with pytest.raises(UsageError, match="run the suite first"):
        make([tmp_path], tmp_path, settings)


def test_damaged_generator_is_noticed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Allure of which a file was lost is installed anew; an undamaged one is left alone."""
    installed: list[Path] = []

    def install(folder: Path, _engine: Node) -> None:
        installed.append(folder)
        (folder / "node_modules").mkdir(parents=True, exist_ok=True)
        (folder / "node_modules" / "cli.js").write_text("whole")
        (folder / generator.MANIFEST).write_text(generator.inventory(folder))

    monkeypatch.setattr(generator, "install", install)
    monkeypatch.setattr(generator, "node", lambda *_: Node(Path("node"), ("npm",), "v20"))
    ours = replace(settings, cache_dir=tmp_path)
    generator.ensure(ours)
    generator.ensure(ours)
    assert len(installed) == 1
    (installed[0] / "node_modules" / "cli.js").write_text("wh")
    generator.ensure(ours)
    assert len(installed) == 2
