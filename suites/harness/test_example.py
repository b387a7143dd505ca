"""The wheel, and a project that writes its tests with it."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from colo_harness import __version__
from colo_harness.machine.estate import outside
from colo_harness.settings import Settings
from suites.harness.wheels import ROOT, build, environment

EXAMPLE = ROOT / "examples" / "ledger"
LIMIT = 240.0


def run(*argv: str | Path, at: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program there, told nothing by this run."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    surroundings = {**alone, "TMPDIR": str(outside())}
    return subprocess.run(argv, cwd=at, env=surroundings, capture_output=True, text=True, timeout=LIMIT, check=False)


def test_the_wheel_takes_no_name_that_others_have(tmp_path: Path) -> None:
    """It brings two packages, whose names say whose they are, and its version is the library's."""
    wheel = build(tmp_path)
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert tops == {"colo_harness", "colo_pytest", f"colo_harness-{__version__}.dist-info"}


def test_the_wheel_has_what_the_library_reads(tmp_path: Path) -> None:
    """Whatever is no Python in the library and among the guests' recipes, and the manager that stands for others."""
    names = set(ZipFile(build(tmp_path)).namelist())
    beside = [path for path in (ROOT / "colo_harness").rglob("*.*") if path.suffix not in {".py", ".pyc"}]
    recipes = [path for path in (ROOT / "images").rglob("*") if path.is_file()]
    assert {str(path.relative_to(ROOT)) for path in beside} <= names
    assert {f"colo_harness/{path.relative_to(ROOT)}" for path in recipes} <= names
    assert "colo_harness/docs/manager.py" in names


def test_the_example_passes_against_the_wheel(tmp_path: Path, settings: Settings) -> None:
    """Outside the checkout, in an environment that has the wheel and nothing that it does not ask for."""
    programs = environment(build(tmp_path), tmp_path / "venv")
    project, results = tmp_path / "ledger", tmp_path / "results"
    shutil.copytree(EXAMPLE, project)
    ran = run(
        programs / "python", "-m", "pytest", f"--results-dir={results}", f"--cache-dir={settings.cache_dir}", at=project
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads((results / "claims.json").read_text(encoding="utf-8"))
    assert {claim["id"]: claim["verdict"] for claim in told["claims"]} == {"LEDGER-1": "valid", "LEDGER-2": "valid"}
    assert Counter(bool(test["control"]) for test in told["tests"]) == {False: 4, True: 2}


def test_colo_looks_at_the_project_that_it_is_called_in(tmp_path: Path, settings: Settings) -> None:
    """The wheel has no suites, so what would run is the project's."""
    programs = environment(build(tmp_path), tmp_path / "venv")
    shutil.copytree(EXAMPLE, tmp_path / "ledger")
    ran = run(programs / "colo", "plan", f"--cache-dir={settings.cache_dir}", at=tmp_path / "ledger")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "run   LEDGER-2             suites/lifecycle/test_copies.py::test_checkpoints_go_on[tcg]" in ran.stdout
    assert "6 tests would run, 0 would be skipped" in ran.stdout


@pytest.mark.parametrize("asked", ["", "pytest_plugins = ['colo_pytest']"], ids=["not-asked", "asked"])
def test_a_project_without_claims_is_left_in_peace(tmp_path: Path, asked: str) -> None:
    """One that shares the environment is not touched; one that asks for the fixtures needs no claims."""
    programs = environment(build(tmp_path), tmp_path / "venv")
    project = tmp_path / "other"
    project.mkdir()
    (project / "conftest.py").write_text(asked)
    (project / "test_it.py").write_text("def test_it():\n    assert True\n")
    ran = run(programs / "python", "-m", "pytest", "-q", at=project)
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
    assert (project / "reports").exists() == bool(asked)
