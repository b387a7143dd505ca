"""`colo bench`: time what pairs and the harness around them take, with QEMU's own part beside it."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from colo_harness.bench import figure, parallel, picture, scenario, suite
from colo_harness.bench.figure import Measure, Speedup
from colo_harness.cli.options import Accel, Accelerator, CacheDir, Qemu, Release
from colo_harness.cli.run import ROOT
from colo_harness.cli.steps import steps
from colo_harness.colo.lab import Lab, open_lab
from colo_harness.errors import MachineError, ProductFailure, Undecided
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.progress import Progress
from colo_harness.qemu import accelerator
from colo_harness.settings import Settings

SHARE = 0.2
MARKS = {True: "yes", False: "no", None: ""}


def bench(
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions of each measure.")] = 5,
    *,
    with_parallel: Annotated[bool, typer.Option("--parallel", help="Also time -n 2 against -n 0.")] = False,
    qemu: Qemu = None,
    release: Release = Settings.release,
    accel: Accelerator = Accel.AUTO,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")] = None,
    cache_dir: CacheDir = None,
    results_dir: Annotated[Path, typer.Option(help="Where bench.json and bench.svg go.")] = ROOT / "reports",
) -> None:
    """Time a warm pair, a checkpoint, a failover and a whole test, and say how much of it is the harness's."""
    about = figure.machine()
    console = Console()
    measures = _measures()
    given = Settings(qemu=qemu.absolute() if qemu else None, release=release, accel=accel.value)
    settings = replace(given, cache_dir=cache_dir) if cache_dir else given
    try:
        with steps(console) as progress, Guardian() as guardian, tempfile.TemporaryDirectory(prefix="colo-") as folder:
            guardian.add_folder(Path(folder))
            settings = replace(settings, run_dir=Path(folder))
            with open_lab(settings, guardian) as lab:
                _drive(lab, measures, repeat, progress)
                version, used = lab.contract.version, accelerator.for_linux(settings)
            speedup = _run_suite(settings, measures, repeat, progress, with_parallel=with_parallel)
    except (ProductFailure, Undecided) as failure:
        raise MachineError(f"nothing to time: {failure}", "`colo run` says what this QEMU does not do") from failure
    document = figure.document(about, version, used, list(measures.values()), speedup)
    results_dir.mkdir(parents=True, exist_ok=True)
    for path in filter(None, (results_dir / "bench.json", json_file)):
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    picture.draw(list(measures.values()), f"QEMU {version}, {used}, {repeat} repetitions", results_dir / "bench.svg")
    _print(console, list(measures.values()), speedup)
    console.print(f"figures: {results_dir / 'bench.json'}, picture: {results_dir / 'bench.svg'}", soft_wrap=True)


def _measures() -> dict[str, Measure]:
    all_of_them = (
        Measure("entry", "warm pair to colo", aim=1.0),
        Measure("checkpoint", "checkpoint"),
        Measure("pause", "pause at a checkpoint"),
        Measure("stall", "client stall at failover"),
        Measure("cycle", "full cycle: loss, resume, 2 checkpoints", aim=5.0),
        Measure("scenario", "all of these on one pair", share_aim=SHARE),
        Measure("test", "whole kill-the-primary test", aim=6.0, share_aim=SHARE),
        Measure("collection", "collection of the suite", aim=1.5),
    )
    return {measure.name: measure for measure in all_of_them}


def _drive(lab: Lab, measures: dict[str, Measure], repeat: int, progress: Progress) -> None:
    scenario.measure(lab, lab.settings.run_dir / "warm-up")
    for number in range(1, repeat + 1):
        progress(f"pair {number} of {repeat}")
        for name, samples in scenario.measure(lab, lab.settings.run_dir / f"pair-{number}").items():
            measures[name].samples += samples


def _run_suite(
    settings: Settings, measures: dict[str, Measure], repeat: int, progress: Progress, *, with_parallel: bool
) -> Speedup | None:
    progress(f"{repeat} whole tests")
    measures["test"].samples += suite.whole_tests(settings, settings.run_dir / "tests", repeat)
    progress("collecting")
    measures["collection"].samples += [suite.collection() for _ in range(repeat)]
    if not with_parallel:
        return None
    progress(f"{8 * repeat} scenarios, by one process and by two")
    return parallel.speedup(settings, settings.run_dir / "parallel", repeat)


def _print(console: Console, measures: list[Measure], speedup: Speedup | None) -> None:
    heads = (Column("measure", no_wrap=True), "seconds", "QEMU's own", "harness", "aim", "holds")
    table = Table(*heads, box=None, pad_edge=False)
    for measure in measures:
        aims = [f"{measure.aim:g} s"] if measure.aim else []
        aims += [f"harness {measure.share_aim:.0%}"] if measure.share_aim else []
        figures = (f"{measure.wall:.3f}", f"{measure.qemu:.3f}", f"{measure.share:.0%}")
        table.add_row(measure.what, *figures, ", ".join(aims), MARKS[measure.holds])
    console.print(table)
    if speedup:
        console.print(
            f"two processes: the machine allows {speedup.limit:.2f} times the speed of one;"
            f" -n 2 reaches {speedup.reached:.0%} of that (aim {speedup.aim:.0%})",
            soft_wrap=True,
        )
