"""`colo judge`: what it prints of recorded histories, and with which status it exits."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colo_harness.history import VERSION, Entry
from colo_harness.judge import Checker, StallBelow, exercised, nothing_lost
from colo_harness.judge.register import register
from suites.harness.cases import CASES
from suites.harness.histories import changed, ended, failover
from suites.harness.test_judge_again import recorded, sound, tell, told, wrong

COLO = Path(sys.executable).with_name("colo")


@dataclass(frozen=True)
class Said:
    """What one call of `colo judge` came to."""

    status: int
    lines: list[str]
    errors: list[str]


def colo_judge(*arguments: str | Path, given: bytes = b"") -> Said:
    """Run `colo judge` as a user does, with `given` on its standard input."""
    ran = subprocess.run([COLO, "judge", *arguments], input=given, capture_output=True, timeout=60, check=False)
    return Said(ran.returncode, ran.stdout.decode().splitlines(), ran.stderr.decode().splitlines())


def history(path: Path, entries: Iterable[Entry], *checkers: Checker) -> Path:
    """Record a history of this name; return where it is."""
    recorded(path, entries, *checkers)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A history whose every verdict is valid."""
    return history(tmp_path / "good.jsonl", failover(), exercised, StallBelow(margin_s=2.5))


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A history that has one invalid verdict."""
    spoilt = changed(failover(), ended("echo", got="512:00000004"), got="\x1b[31m\ud800")
    return history(tmp_path / "bad.jsonl", spoilt, nothing_lost)


@pytest.fixture
def unsure(tmp_path: Path) -> Path:
    """A history that has nothing worse than an unknown verdict."""
    return history(tmp_path / "unsure.jsonl", [], exercised)


@pytest.fixture
def damaged(good: Path) -> Path:
    """A history whose fifth line is damaged."""
    path = good.with_name("damaged.jsonl")
    lines = good.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:4], lines[4][:20] + "\n", *lines[5:]]), encoding="utf-8")
    return path


def test_each_checker_has_a_line(good: Path, bad: Path) -> None:
    """Verdict, name, parameters, reason; and of an invalid one moment and lines, safe for any terminal."""
    said = colo_judge(good)
    assert (said.status, said.errors) == (0, [])
    assert said.lines == [
        f"{good}: 89 entries",
        "valid    exercised: Kill('primary'): 11 acknowledged before it, 9 after 5.400 s",
        'valid    stall_below {"margin_s": 2.5}: 7 operations, the last answer 0.500 s after promotion',
        "valid    consoles_clean: 1 console lines, none of them a symptom",
        "valid    symptoms_declared: 1 symptoms, each declared",
    ]
    said = colo_judge(bad)
    assert (said.status, said.errors) == (1, [])
    assert said.lines[1] == (
        r"invalid  nothing_lost: echo-0 echo(n=4): 512:00000004 was due, \x1b[31m\ud800 came (at 6.210 s; lines 69, 70)"
    )


def test_damage_is_named_by_line_and_others_are_judged_all_the_same(damaged: Path, good: Path) -> None:
    """One line and the remedy, on stderr; the next history has its heading."""
    said = colo_judge(damaged, good)
    assert said.status == 2
    assert said.errors[0].startswith(f"colo: {damaged}:5: no JSON (")
    assert said.errors[1:] == ["  it was changed after it was recorded: take the original, or run its test again"]
    assert said.lines[1] == f"{good}: 89 entries"


def test_the_worst_decides(good: Path, bad: Path, unsure: Path, damaged: Path) -> None:
    """Invalid is invalid whatever else happened, then damage, then doubt: as for `colo run`."""
    assert colo_judge(unsure).status == 3
    assert colo_judge(good, unsure).status == 3
    assert colo_judge(damaged, unsure, good).status == 2
    assert colo_judge(good, bad, damaged, unsure).status == 1


def test_a_line_that_was_cut_off_is_told(good: Path) -> None:
    """What is left of the run of a killed runner is judged, and never passes of itself."""
    good.write_text(good.read_text(encoding="utf-8")[:-300], encoding="utf-8")
    cut = len(good.read_text(encoding="utf-8").splitlines())
    said = colo_judge(good)
    assert said.status == 3
    assert said.errors == [f"colo: {good}:{cut}: cut off in the middle; judged without this line"]
    assert said.lines[-1].startswith("unknown  its test did not come to the end of its judgement")
    assert colo_judge(good, "--checker", "no_reset").status == 0


def test_what_differs_from_then_is_told(bad: Path) -> None:
    """With the verdict of then."""
    lines = told(bad)
    (line,) = (line for line in lines if "\x1b" in line.get("data", {}).get("got", ""))
    line["data"]["got"] = "512:00000004"
    tell(bad, lines)
    said = colo_judge(bad)
    assert said.status == 0
    assert said.lines[1].startswith("valid    nothing_lost: ")
    assert said.lines[2].startswith("         then invalid: echo-0 echo(n=4): 512:00000004 was due, ")
    assert said.lines[3] == "         the checker was changed since, or the history"


def test_other_checkers_can_be_asked_for(good: Path) -> None:
    """By name, those with parameters as they are shown."""
    said = colo_judge(good, "--checker", "no_reset", "--checker", 'opened{"side":"after"}')
    names = [line.split(":")[0] for line in said.lines[1:]]
    assert names == [
        "valid    no_reset",
        'invalid  opened {"side"',
        "valid    consoles_clean",
        "valid    symptoms_declared",
    ]
    assert said.status == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "colo: no history is named"),
        (["absent.jsonl"], "colo: absent.jsonl: cannot be read (No such file or directory)"),
        (["--checker", "no_rest", "absent.jsonl"], "colo: there is no checker 'no_rest'; did you mean no_reset?"),
        (["--checker", "stall_below", "absent.jsonl"], "colo: stall_below: margin_s is missing"),
        (["--json", "/proc/none/x", "absent.jsonl"], "colo: --json /proc/none/x: cannot be written"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(arguments: list[str], problem: str) -> None:
    """And the remedy below it; status 2."""
    said = colo_judge(*arguments)
    assert said.status == 2
    *_, error, remedy = said.errors
    assert error.startswith(problem)
    assert remedy.startswith("  ")


def test_histories_come_compressed_and_on_standard_input(good: Path) -> None:
    """As the report has large ones, and from a pipe."""
    whole = good.read_bytes()
    packed = good.with_suffix(".gz")
    packed.write_bytes(gzip.compress(whole))
    assert colo_judge(packed).lines[1:] == colo_judge(good).lines[1:]
    assert colo_judge("-", given=whole).lines[1:] == colo_judge(good).lines[1:]
    broken = colo_judge("-", given=b"{}\n")
    assert (broken.status, broken.errors[0]) == (2, "colo: /dev/stdin:1: no header of a history")


def test_programs_get_json(good: Path, damaged: Path, tmp_path: Path) -> None:
    """All that is printed, parameters in full, and what was said then."""
    told_to = tmp_path / "verdicts.json"
    assert colo_judge(good, damaged, "--json", told_to).status == 2
    document = json.loads(told_to.read_text(encoding="utf-8"))
    first, second = document["histories"]
    reason = "7 operations, the last answer 0.500 s after promotion"
    verdict: dict[str, Any] = {"verdict": "valid", "reason": reason, "at": None, "lines": []}
    stall = {"checker": "stall_below", "parameters": {"margin_s": 2.5}, **verdict, "differs": False, "then": verdict}
    assert document["status"] == 2
    assert (first["history"], first["status"], first["doubt"], first["torn"]) == (str(good), 0, "", None)
    assert first["verdicts"][1] == stall
    assert (second["history"], second["status"]) == (str(damaged), 2)
    assert second["problem"].startswith(f"{damaged}:5: ")


def test_the_checkers_are_listed() -> None:
    """Each with one line of what it says, and its parameters."""
    said = colo_judge("--list")
    assert said.status == 0
    assert [line for line in said.lines if not line.startswith(" ")] == list(register())
    at = said.lines.index("stall_below")
    assert said.lines[at + 1].strip().startswith("Answers that a failover held up come with the next TCP")
    assert said.lines[at + 2].strip() == "margin_s: float"


def test_another_process_says_the_same_of_every_checker(tmp_path: Path) -> None:
    """One that starts afresh, and orders its sets otherwise."""
    tales = [(tale, case) for case in CASES for tale in (sound, wrong)]
    paths = [
        history(tmp_path / f"{number}.jsonl", tale(case), case.checker) for number, (tale, case) in enumerate(tales)
    ]
    assert colo_judge(*paths, "--json", tmp_path / "verdicts.json").status == 1
    document = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    first: list[dict[str, Any]] = [one["verdicts"][0] for one in document["histories"]]
    assert [(one["checker"], one["verdict"]) for one in first] == [
        (case.id, "valid" if tale is sound else case.says) for tale, case in tales
    ]
    assert [one for each in document["histories"] for one in each["verdicts"] if one["differs"]] == []


def test_judging_needs_no_qemu_no_network_and_no_pytest(good: Path) -> None:
    """Nothing of them is imported; nor is the judge for any other command."""
    script = "import sys; from colo_harness.cli import main\ntry: main()\nfinally: print(*sys.modules)"

    def imported(*arguments: str | Path) -> set[str]:
        ran = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, check=True, text=True)
        return set(ran.stdout.splitlines()[-1].split())

    modules = imported("judge", good)
    rooms = {f"colo_harness.{room}" for room in ("qemu", "machine", "colo", "traffic", "faults", "report", "settings")}
    assert modules & {"scapy", "qemu", "asyncio", "pytest", "allure", *rooms} == set()
    assert "colo_harness.judge" in modules
    assert "colo_harness.judge" not in imported("setup", "--help")


REPORTING = """
import pytest
from colo_harness.history import History
from colo_harness.judge import check, no_reset
from colo_harness.settings import Settings
from fixtures import report

@pytest.fixture(scope="session")
def settings(request):
    return Settings(run_dir=request.config.rootpath / "run")

@pytest.mark.parametrize("large", [False, True])
def test_fails(artifacts, monkeypatch, request, large):
    report.LARGE = 100 if large else 8 << 20
    with History(artifacts / "history.jsonl", request.node.nodeid) as history:
        history.invoke("echo-0", "echo").info(error="ConnectionResetError")
        check(history, no_reset)
"""


def test_a_history_is_judged_as_the_report_has_it(tmp_path: Path) -> None:
    """A small one as it is, a large one compressed; the heading says of which test it is."""
    (tmp_path / "pytest.ini").write_text("")
    (tmp_path / "test_sample.py").write_text(REPORTING)
    argv: list[str | Path] = [sys.executable, "-m", "pytest", tmp_path, "--rootdir", tmp_path, "-p", "fixtures.report"]
    argv += ["-p", "no:cacheprovider", "-n0"]
    subprocess.run(argv, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    results = tmp_path / "reports" / "allure-results"
    attached = sorted((path.suffix, path) for path in results.glob("*-attachment.jsonl*"))
    assert [suffix for suffix, _ in attached] == [".gz", ".jsonl"]
    for (suffix, path), large in zip(attached, (True, False), strict=True):
        said = colo_judge(path)
        assert said.status == 1, suffix
        assert said.lines[0] == f"{path} (test_sample.py::test_fails[{large}]): 5 entries"
        assert said.lines[1].startswith("invalid  no_reset: echo-0 echo() ended with ConnectionResetError (at ")
        assert not [line for line in said.lines if "then" in line]


def test_a_history_of_another_version_is_no_puzzle(tmp_path: Path) -> None:
    """Which versions, and what to do."""
    path = tmp_path / "old.jsonl"
    path.write_text('{"history":1,"origin":5.0}\n')
    said = colo_judge(path)
    assert said.status == 2
    assert said.errors == [
        f"colo: {path}:1: a history of version 1; this `colo` reads version {VERSION}",
        "  judge it with the checkout that recorded it, or run its test again",
    ]
