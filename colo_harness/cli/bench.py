"""`colo bench`: time what pairs and the harness around them take, with QEMU's own part beside it; compare two QEMUs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Column, Table

from colo_harness.bench import figure, parallel, picture, scenario, suite, turns
from colo_harness.bench.figure import Measure, Speedup
from colo_harness.bench.room import timing
from colo_harness.cli.comparing import compare, noise
from colo_harness.cli.options import Accel, Accelerator, CacheDir, Qemu, Release
from colo_harness.cli.run import ROOT
from colo_harness.cli.steps import steps
from colo_harness.colo.lab import Lab
from colo_harness.machine.progress import Progress
from colo_harness.qemu import accelerator
from colo_harness.settings import Settings

SHARE = 0.2
MARKS = {True: "yes", False: "no", None: ""}


bench = typer.Typer(
    name="bench", help="Time pairs and the harness around them; compare two QEMUs.", add_completion=False
)
bench.command()(compare)
bench.command()(noise)


@bench.callback(invoke_without_command=True)
def times(
    context: typer.Context,
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions of each measure.")] = 5,
    *,
    with_parallel: Annotated[bool, typer.Option("--parallel", help="Also time -n 2 against -n 0.")] = False,
    qemu: Qemu = None,
    beside: Annotated[
        Path | None, typer.Option(help="Time this QEMU too, pair by pair in turn, and pairs only: for `compare`.")
    ] = None,
    release: Release = Settings.release,
    accel: Accelerator = Accel.AUTO,
    seed: Annotated[int, typer.Option(min=0, help="What the order of two QEMUs is drawn from.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")] = None,
    cache_dir: CacheDir = None,
    results_dir: Annotated[Path, typer.Option(help="Where bench.json and bench.svg go.")] = ROOT / "reports",
) -> None:
    """Time a warm pair, a checkpoint, a failover and a whole test, and say how much of it is the harness's."""
    if context.invoked_subcommand:
        return
    about, console = figure.machine(), Console()
    measures, speedup, run = _measures(), None, ""
    given = Settings(qemu=qemu.absolute() if qemu else None, release=release, accel=accel.value, seed=seed)
    settings = replace(given, cache_dir=cache_dir) if cache_dir else given
    others = [replace(settings, qemu=beside.absolute())] if beside else []
    with steps(console) as progress, timing(settings, *others) as labs:
        used, version = accelerator.for_linux(labs[0].settings), labs[0].contract.version
        if beside:
            taken = turns.in_turn(labs, labs[0].settings.run_dir / "turns", repeat, seed, progress)
            run, measures = uuid4().hex, _filled(taken[0])
            other = figure.document(about, labs[1].contract.version, used, list(_filled(taken[1]).values()), None, run)
            _write(other, results_dir / "beside.json")
        else:
            _drive(labs[0], measures, repeat, progress)
            speedup = _run_suite(labs[0].settings, measures, repeat, progress, with_parallel=with_parallel)
    taken_of = list(measures.values())
    for path in filter(None, (results_dir / "bench.json", json_file)):
        _write(figure.document(about, version, used, taken_of, speedup, run), path)
    picture.draw(taken_of, f"QEMU {version}, {used}, {repeat} repetitions", results_dir / "bench.svg")
    _print(console, taken_of, speedup)
    console.print(f"figures: {results_dir / 'bench.json'}, picture: {results_dir / 'bench.svg'}", soft_wrap=True)


def _write(document: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _filled(samples: turns.Samples) -> dict[str, Measure]:
    """Return those measures that were taken, with their samples."""
    return {name: replace(measure, samples=samples[name]) for name, measure in _measures().items() if name in samples}


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
        for name, samples in scenario.measure(lab, lab.settings.run_dir / f"pair-{number}", number).items():
            measures[name].samples += samples


def _run_suite(
    settings: Settings, measures: dict[str, Measure], repeat: int, progress: Progress, *, with_parallel: bool
) -> Speedup | None:
    progress(f"{repeat} whole tests")
    measures["test"].samples += suite.whole_tests(settings, settings.run_dir / "tests", repeat)
    progress("collecting")
    measures["collection"].samples += [suite.collection(number) for number in range(1, repeat + 1)]
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
