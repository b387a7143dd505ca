"""The suite's own speed: a whole test, the collection, and two processes against one, as pytest runs them."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from colo_harness.bench.figure import Sample
from colo_harness.bench.work import Command, commands, shares, spans
from colo_harness.errors import MachineError
from colo_harness.machine.process import run
from colo_harness.recording import load
from colo_harness.report.results import FOLDER
from colo_harness.settings import Settings

ROOT = Path(__file__).parents[2]
KILL_THE_PRIMARY = (
    "suites/failover/test_sessions.py::test_sessions_opened_since_the_checkpoint_live_on",
    "-k",
    "not control:",
)
TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Ran:
    """A test that pytest ran: from the first of its fixtures on, seconds of CLOCK_REALTIME; and what it left."""

    start: float
    end: float
    attachments: dict[str, Path]


def whole_tests(settings: Settings, folder: Path, times: int) -> list[Sample]:
    """Run the kill-the-primary test in one session; return a sample for each but the first, which starts the run.

    A test lasts until the next one begins, so whatever pytest and the report do between them counts.
    Raises MachineError where it fails.
    """
    tests = repeat(settings, folder, times + 2, "--keep-artifacts")
    return [_sample(test, until.start, number) for number, (test, until) in enumerate(list(pairwise(tests))[1:], 1)]


def repeat(settings: Settings, folder: Path, times: int, *options: str) -> list[Ran]:
    """Run the kill-the-primary test so often, and return the runs in order of time. Raises MachineError."""
    given = [f"--results-dir={folder}", f"--cache-dir={settings.cache_dir}", f"--accel={settings.accel}"]
    given.append(f"--release={settings.release}")
    given += [f"--qemu={settings.qemu}"] if settings.qemu else []
    pytest([*KILL_THE_PRIMARY, f"--soak={times}", *given, *options])
    return _read(folder / FOLDER)


def collection(number: int = 0) -> Sample:
    """Collect the whole suite, for the time `number`."""
    start = time.monotonic()
    pytest(["--collect-only", "-q"])
    wall = time.monotonic() - start
    return Sample(wall, {"harness": wall}, number)


def pytest(arguments: Sequence[str]) -> None:
    """Run pytest on the suites. Raises MachineError."""
    argv = ["env", f"--chdir={ROOT}", sys.executable, "-m", "pytest", *arguments]
    run(argv, timeout=TIMEOUT_S, remedy="run it by itself: `colo run` says more")


def _read(folder: Path) -> list[Ran]:
    """Return the tests of a folder of raw results; a fixture that several shared is none of their own time."""
    began: dict[str, float] = {}
    for path in folder.glob("*-container.json"):
        container = json.loads(path.read_text(encoding="utf-8"))
        starts = [before["start"] for before in container.get("befores", [])]
        if len(container["children"]) == 1:
            (child,) = container["children"]
            began[child] = min([*starts, began.get(child, float("inf"))])
    results = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*-result.json")]
    return sorted((_ran(one, began, folder) for one in results), key=lambda ran: ran.start)


def _ran(result: dict[str, Any], began: dict[str, float], folder: Path) -> Ran:
    start = min(began.get(result["uuid"], float("inf")), result["start"])
    attachments = {one["name"]: folder / one["source"] for one in result.get("attachments", [])}
    return Ran(start / 1000, result["stop"] / 1000, attachments)


def _sample(test: Ran, until: float, number: int) -> Sample:
    """Divide a test's time by what it left. Raises MachineError."""
    if "history" not in test.attachments:
        raise MachineError("a test left no history", "run it by itself: `colo run` says more")
    recording = load(test.attachments["history"])
    asked: list[Command] = []
    for name, path in test.attachments.items():
        if name.endswith(": QMP transcript"):
            asked += commands(name.partition("/")[0], path.read_text(encoding="utf-8").splitlines())
    work = spans(recording.entries, sorted(asked, key=lambda one: one.sent))
    start, end = test.start - recording.header.origin, until - recording.header.origin
    return Sample(end - start, shares(work, start, end), number)
