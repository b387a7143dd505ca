"""Two processes at once: what the machine allows, and what `-n 2` makes of it."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from colo_harness.bench import scenario, suite
from colo_harness.bench.figure import Speedup
from colo_harness.colo.lab import open_lab
from colo_harness.machine.guardian import Guardian
from colo_harness.settings import Settings


def speedup(settings: Settings, folder: Path, each: int) -> Speedup:
    """Time twice `each` scenarios, by one process and by two, without pytest and with it. Raises MachineError."""
    folder.mkdir()
    return Speedup(
        2 * each,
        _bare(settings, folder / "one", 1, 2 * each),
        _bare(settings, folder / "two", 2, each),
        _tested(settings, folder / "n0", 0, 2 * each),
        _tested(settings, folder / "n2", 2, 2 * each),
    )


def _bare(settings: Settings, folder: Path, processes: int, each: int) -> float:
    """Return the seconds from the first scenario's start to the last one's end."""
    folder.mkdir()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        runs = [pool.submit(_load, settings, folder / str(number), each) for number in range(processes)]
        spans = [run.result() for run in runs]
    return max(end for _, end in spans) - min(start for start, _ in spans)


def _load(settings: Settings, folder: Path, times: int) -> tuple[float, float]:
    """In a process of its own: drive `times` pairs, one after the other; return start and end of CLOCK_MONOTONIC."""
    folder.mkdir()
    with Guardian() as guardian, open_lab(replace(settings, run_dir=folder), guardian) as lab:
        start = time.monotonic()
        for number in range(times):
            scenario.measure(lab, folder / f"pair-{number}")
        return start, time.monotonic()


def _tested(settings: Settings, folder: Path, workers: int, times: int) -> float:
    """Return the seconds of `times` tests, behind two that start the run: of those, all wait for the trial pair."""
    runs = suite.repeat(settings, folder, times + 2, f"-n{workers}")[2:]
    return max(run.end for run in runs) - runs[0].start
