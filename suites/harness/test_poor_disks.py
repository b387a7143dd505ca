"""A disk that is full, or that can only be read, costs a line with a remedy; nothing is taken for QEMU's fault."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.machine import mark
from colo_harness.machine.holding import scratch
from colo_harness.qemu.topology import Topology
from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from fixtures.settings import GUARDIAN
from suites.harness.surroundings import WITH_LOCKED_CACHE, WITH_SMALL

LIMIT = 240.0
TESTS = ("suites/lifecycle/test_start.py", "-k", "test_checkpoints_go_on and tcg and not control: and not ahci")
Start = Callable[..., "Popen[str]"]


@pytest.fixture
def place(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder with a short path, in which a run has its results and temporary files."""
    guardian = pytestconfig.stash[GUARDIAN]
    with scratch("d", settings.run_dir.parent) as place:
        guardian.add_folder(place)
        for name in ("small", "tmp"):
            (place / name).mkdir(mode=0o700)
        yield place
        guardian.drop_folder(place)


@pytest.fixture
def start(place: Path, settings: Settings) -> Start:
    """Start a run of one test with a pair, within poor surroundings."""

    def started(
        within: tuple[str, ...], *, tmp: str = "tmp", results: str = "results", cache: Path = settings.cache_dir
    ) -> "Popen[str]":
        argv = [*within, sys.executable, "-m", "pytest", "-q", *TESTS, "--accel=tcg"]
        argv += [f"--cache-dir={cache}", f"--results-dir={place / results}"]
        poor = {"TMPDIR": str(place / tmp), "SMALL": str(place / "small"), "CACHE": str(cache)}
        environment = {**os.environ, **poor}
        return Popen(argv, env=environment, stdout=PIPE, stderr=STDOUT, text=True)

    return started


def fill(run: "Popen[str]", place: Path, *, tmp: str) -> None:
    """Leave no byte on the small disk that a run sees, as soon as its pair runs."""
    seen = Path(f"/proc/{run.pid}/root{place}")
    wait_until("a pair", lambda: len([*(seen / tmp).glob("colo-*/**/rescue.sock")]) > 1, timeout=LIMIT)
    with suppress(OSError), (seen / "small/filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            continue


def left(place: Path) -> list[str]:
    """Return what there is of a run but its results."""
    files = [str(path) for path in (place / "tmp").iterdir()]
    return files + [mark.command(pid) for pid in mark.everybody() if str(place) in mark.command(pid)]


def test_no_room_for_temporary_files(start: Start, place: Path) -> None:
    """A disk that is full while a pair runs: the claim is unknown, and what helps is told."""
    with start(WITH_SMALL, tmp="small") as run:
        fill(run, place, tmp="small")
        said, _ = run.communicate(timeout=LIMIT)
    told = json.loads((place / "results/claims.json").read_text(encoding="utf-8"))
    assert {claim["verdict"] for claim in told["claims"]} == {"unknown"}
    assert "No space left on device" in said
    assert "make room where the cache, the results and temporary files are" in said
    assert "INTERNALERROR" not in said
    assert left(place) == []


def test_no_room_for_results(start: Start, place: Path) -> None:
    """The run ends with a line, and a status that no failed claim has."""
    with start(WITH_SMALL, results="small/results") as run:
        fill(run, place, tmp="tmp")
        said, _ = run.communicate(timeout=LIMIT)
    assert run.returncode == pytest.ExitCode.INTERNAL_ERROR, said
    assert "make room where the cache, the results and temporary files are" in said
    assert not re.search("Traceback|INTERNALERROR", said), said
    assert left(place) == []


def test_a_whole_cache_need_not_be_written(start: Start, place: Path, lab: Lab) -> None:
    """One that can only be read does, where it has all that the run needs."""
    ticks = Topology(guest="tick", accel="tcg", machine=lab.contract.machine)
    lab.states.path(ticks, lab.guest(ticks))
    with start(WITH_LOCKED_CACHE) as run:
        said, _ = run.communicate(timeout=LIMIT)
    assert run.returncode == 0, said
    assert left(place) == []


def test_a_cache_that_lacks_something_must_be(start: Start, place: Path, settings: Settings) -> None:
    """Where a guest would have to be saved, the run says so."""
    (place / "cache").mkdir()
    for part in ("releases", "kernel", "lwip", "images"):
        (place / "cache" / part).symlink_to(settings.cache_dir / part)
    with start(WITH_LOCKED_CACHE, cache=place / "cache") as run:
        said, _ = run.communicate(timeout=LIMIT)
    assert run.returncode == 1, said
    assert re.search(r"CacheError: no guest's state can be saved in .*/cache/states: Read-only file system", said)
    assert "let it be written, or name another place with --cache-dir" in said
