"""`colo doctor`: what this machine and its QEMU can do, a line for each thing, with the remedy."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from colo_harness.cli.options import Accel, Accelerator, CacheDir, Hosts, Qemu, Release
from colo_harness.diagnosis import Diagnosis, Row
from colo_harness.settings import Settings

UNFIT = 2
"""Exit status where something is missing that the suite must have."""
LOOK = {"ok": "green", "missing": "yellow", "FAILED": "bold red"}


def doctor(
    *,
    qemu: Qemu = None,
    release: Release = Settings.release,
    hosts: Hosts = None,
    accel: Accelerator = Accel.AUTO,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 for want of optional things too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Try anew whether KVM runs guests.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the answers there too.")] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Try what the suite needs of this machine and of QEMU; exits 0 when all that it must have is there, else 2."""
    from colo_harness.doctor import Doctor  # noqa: PLC0415 - takes longer to import than `colo --help` takes
    from colo_harness.qemu.accelerator import forget  # noqa: PLC0415 - as above
    from colo_harness.qemu.release import check  # noqa: PLC0415 - as above

    cache_dir = cache_dir or Settings().cache_dir
    executable = qemu.absolute() if qemu else None
    settings = Settings(cache_dir=cache_dir, qemu=executable, release=release, hosts=hosts, accel=accel.value)
    check(settings)
    if again:
        forget(settings)
    console = Console()
    with console.status("") as status:
        diagnosis = Doctor(settings).examine(
            lambda name: status.update(f"asking for {name}"), lambda answer: show(console, [answer.row])
        )
    show(console, diagnosis.choices())
    console.print(diagnosis.conclusion, soft_wrap=True, highlight=False)
    if json_file:
        json_file.write_text(json.dumps(diagnosis.as_json(), indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(UNFIT if diagnosis.fatal or (strict and diagnosis.missing) else 0)


def head(settings: Settings, console: Console) -> Diagnosis:
    """Print what heads a run and return it; starts only guests on which a choice hangs."""
    from colo_harness.doctor import Doctor  # noqa: PLC0415 - as above

    with console.status("") as status:
        diagnosis = Doctor(settings, effort="needed").examine(lambda name: status.update(f"asking for {name}"))
    show(console, diagnosis.head())
    return diagnosis


def show(console: Console, rows: Iterable[Row]) -> None:
    """Print rows: on a terminal in colours and columns, elsewhere one line each, however long."""
    for row in rows:
        if not console.is_terminal:
            console.print(str(row), soft_wrap=True, highlight=False, markup=False)
            continue
        grid = Table.grid(padding=(0, 2))
        for width in (8, None if not row.sentence else 17):
            grid.add_column(min_width=width)
        grid.add_column(overflow="fold")
        grid.add_row(Text(row.word, LOOK.get(row.word, "dim")), Text(row.name), Text(row.sentence))
        console.print(grid)
