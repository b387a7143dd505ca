"""A run on a machine that lacks something: what heads it, what ends it, and what `--strict` makes of a lost KVM."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from colo_harness.cli import app, run
from colo_harness.diagnosis import Answer, Diagnosis
from suites.harness.surroundings import WITHOUT_KVM, WITHOUT_RIGHTS

ROOT = Path(__file__).parents[2]
COLO = str(Path(sys.executable).with_name("colo"))
ONE_TICK_PAIR = ("suites/lifecycle/test_start.py", "-k", "test_boot_sectors_enter_colo and tcg and not control:")


def started(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the tree, to its end."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_a_run_that_cannot_succeed_ends_before_its_tests(tmp_path: Path) -> None:
    """And before anything is fetched; the error is one line and its remedy, also for programs."""
    file = tmp_path / "verdicts.json"
    options = ("--accel", "tcg", "--results-dir", str(tmp_path), "--json", str(file))
    ran = started(*WITHOUT_RIGHTS, COLO, "run", *options, "--", *ONE_TICK_PAIR)
    said = "netns: no right to make network namespaces: Operation not permitted\n  let ordinary users"
    assert ran.returncode == 2
    assert "is whole" not in ran.stdout
    assert ran.stderr.startswith(f"colo: {said}")
    assert "test session starts" not in ran.stdout
    assert json.loads(file.read_text())["broken"][0].startswith(said)


@pytest.mark.needs("kvm")
@pytest.mark.parametrize(("accel", "status"), [("auto", 1), ("tcg", 0)])
def test_a_run_that_lost_kvm_is_red(tmp_path: Path, accel: str, status: int) -> None:
    """With --strict-env, and although its only test passes; unless the user does not want KVM."""
    options = ("--strict-env", f"--accel={accel}", f"--results-dir={tmp_path}", "-p", "no:cacheprovider")
    ran = started(*WITHOUT_KVM, sys.executable, "-m", "pytest", *options, *ONE_TICK_PAIR)
    document = json.loads((tmp_path / "claims.json").read_text())
    environment = (tmp_path / "allure-results" / "environment.properties").read_text()
    assert ran.returncode == status, ran.stdout
    assert [claim["verdict"] for claim in document["claims"]] == ["valid"]
    assert ["--strict: no guest runs under KVM" in fault for fault in document["broken"]] == [True] * status
    assert f"kvm = {'missing' if accel == 'auto' else 'declined'}: " in environment
    assert "choice    linux guests       tcg: " in ran.stdout


@pytest.mark.needs("kvm")
def test_asking_for_kvm_where_it_runs_no_linux_costs_no_deadline(tmp_path: Path) -> None:
    """The run ends before its tests, by the machine's fault."""
    test = ("suites/lifecycle/test_start.py", "-k", "test_documented_start and not control:")
    options = ("--accel=kvm", f"--results-dir={tmp_path}")
    ran = started(*WITHOUT_KVM, sys.executable, "-m", "pytest", *options, *test)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: kvm: /dev/kvm: Inappropriate ioctl for device\n  " in ran.stderr
    assert json.loads((tmp_path / "claims.json").read_text())["broken"] != []


@pytest.mark.parametrize(("given", "handed"), [(["--strict"], True), ([], False)], ids=["strict", "lenient"])
def test_strict_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], *, handed: bool
) -> None:
    """Pytest has a --strict of its own, about markers and settings; ours is called --strict-env there."""
    seen: list[str] = []

    def note(arguments: list[str]) -> tuple[int, bool]:
        seen.extend(arguments)
        return 0, False

    answer = Answer("netem", "no", "no such qdisc", "load it", must=False, seconds=0)
    monkeypatch.setattr(run, "prepare", lambda *_: None)
    monkeypatch.setattr(run, "head", lambda *_: Diagnosis((answer,), {}))
    monkeypatch.setattr(run, "_pytest", note)
    CliRunner().invoke(app, ["run", *given, "--results-dir", str(tmp_path)])
    assert ("--strict-env" in seen) == handed
    assert f"--doctor={tmp_path / 'doctor.json'}" in seen
    assert json.loads((tmp_path / "doctor.json").read_text())["answers"][0]["name"] == "netem"
