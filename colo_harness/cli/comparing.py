"""`colo bench compare`, `colo bench noise`: whether two QEMUs differ in speed, and how often chance says so."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from colo_harness.bench.chance import ask
from colo_harness.bench.comparison import compare as judge
from colo_harness.bench.difference import Called, Difference, Rule
from colo_harness.bench.room import timing
from colo_harness.cli.options import Accel, Accelerator, Qemu, Release
from colo_harness.cli.steps import steps
from colo_harness.settings import Settings

STATUS: dict[Called, int] = {"not called": 0, "faster": 0, "slower": 1, "undecided": 3}
_FROM_BEST = (0, 3, 1)
Level = Annotated[float, typer.Option(min=0, max=1, help="How often to call a difference that is none.")]
Relative = Annotated[float, typer.Option(min=0, help="Call no difference that is a smaller part than this.")]
Absolute = Annotated[float, typer.Option(min=0, help="Call no difference of fewer seconds than this.")]
Seed = Annotated[int, typer.Option(min=0, help="What permutations and resamples are drawn from.")]
To = Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")]


def compare(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="Figures of one QEMU, which `colo bench` left.")],
    b: Annotated[Path, typer.Argument(metavar="B.json", help="Those of the other one, which is judged.")],
    level: Level = Rule.level,
    relative: Relative = Rule.relative,
    absolute: Absolute = Rule.absolute,
    seed: Seed = Rule.seed,
    json_file: To = None,
) -> None:
    """Judge whether B is slower than A; exits 0 when nothing is, 1 when something is, 3 for too few repetitions."""
    found = judge(a, b, Rule(level, relative, absolute, seed))
    Console().print(_table(found))
    if json_file:
        json_file.write_text(json.dumps([one.as_json() for one in found], indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(max((STATUS[one.called] for one in found), key=_FROM_BEST.index, default=3))


def noise(
    comparisons: Annotated[int, typer.Option(min=1, help="So many comparisons.")] = 20,
    repeat: Annotated[int, typer.Option(min=1, help="Pairs of each side in each of them.")] = 10,
    qemu: Qemu = None,
    release: Release = Settings.release,
    accel: Accelerator = Accel.AUTO,
    level: Level = Rule.level,
    seed: Annotated[int, typer.Option(min=0, help="Of the first comparison; each one has the next.")] = 1,
    json_file: To = None,
) -> None:
    """Compare a QEMU with itself, again and again: how often this machine has a difference called that is none."""
    settings = Settings(qemu=qemu.absolute() if qemu else None, release=release, accel=accel.value)
    console = Console()
    with steps(console) as progress, timing(settings) as (lab,):
        found = ask(lab, range(seed, seed + comparisons), repeat, level, progress, to=json_file)
    console.print(found.told, soft_wrap=True)


def _table(found: Sequence[Difference]) -> Table:
    heads = (Column("measure", no_wrap=True), "A", "B", "B over A (95 %)", "p", "B is")
    table = Table(*heads, box=None, pad_edge=False)
    for one in found:
        table.add_row(
            one.measure, f"{one.before:.4g} s", f"{one.after:.4g} s", str(one.change), f"{one.p:.4f}", one.called
        )
    return table
