"""`colo matrix`: which claims hold on which releases of QEMU."""

import json
import time
from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from colo_harness.cli.options import Accel, Accelerator
from colo_harness.cli.run import ROOT
from colo_harness.cli.setup import prepare
from colo_harness.cli.steps import steps
from colo_harness.cli.subrun import judge
from colo_harness.errors import UsageError
from colo_harness.judge.claims import load_claims
from colo_harness.qemu.release import RECIPES, recipe
from colo_harness.report.matrix.cells import Column, Run, as_json, rows
from colo_harness.report.matrix.evidence import Evidence
from colo_harness.report.matrix.known import known
from colo_harness.report.matrix.page import Matrix, html, markdown
from colo_harness.settings import Settings

AREA = ("-m", "smoke or release", "-n", "2")


def matrix(
    *,
    releases: Annotated[str, typer.Option(metavar="NAME,…", help="Suites of Debian.")] = ",".join(RECIPES),
    qemu: Annotated[list[Path] | None, typer.Option(help="One more QEMU, such as your own build; any number.")] = None,
    accel: Accelerator = Accel.AUTO,
    deadline: Annotated[float, typer.Option(metavar="MINUTES", help="What one QEMU may take.")] = 15,
    results_dir: Annotated[Path, typer.Option(help="Where pages and evidence go.")] = ROOT / "reports/matrix",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the matrix there too.")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for pytest, behind `--`.")] = None,
) -> None:
    """Judge releases of QEMU one after the other, and make one page of what holds where."""
    place, names = results_dir.absolute(), [name for name in releases.split(",") if name]
    for name in names:
        recipe(name)
    asked = {name: f"--release={name}" for name in names}
    asked |= {name: f"--qemu={path}" for name, path in named(qemu or [], taken=asked).items()}
    if not asked:
        raise UsageError("there is no QEMU to judge", f"name some of {', '.join(RECIPES)}, or a --qemu")
    with steps(Console()) as progress:
        prepare(Settings(), progress, *names)
    options = [f"--accel={accel}", *(arguments or AREA)]
    runs = []
    for name, option in asked.items():
        runs.append(_judged(name, [option, *options], place / name, deadline))
        _write(place, runs, json_file)
        typer.echo(f"{name}: {runs[-1].version or 'no verdicts'}, {runs[-1].seconds:.0f} s")
    typer.echo(f"the matrix is {place / 'matrix.html'}")


def named(paths: Iterable[Path], *, taken: Iterable[str] = ()) -> dict[str, Path]:
    """Return each path once, in order, by its name; with its folder's, then with a number, where that is taken."""
    found, names = dict[str, Path](), set(taken)
    for path in dict.fromkeys(path.absolute() for path in paths):
        longer = f"{path.parent.name}-{path.name}"
        candidates = chain([path.name, longer], (f"{longer}-{number}" for number in count(2)))
        name = next(name for name in candidates if name not in names)
        names.add(name)
        found[name] = path
    return found


def _judged(name: str, options: list[str], folder: Path, minutes: float) -> Run:
    """Judge one QEMU; one that hangs costs its deadline, and what it never came to is not run."""
    begun = time.monotonic()
    told = judge(options, folder, timeout=minutes * 60)
    broken = told.get("broken", [f"no verdicts: see {folder / 'output.txt'}"])
    return Run(name, told.get("release") or "", told.get("tests", []), broken, time.monotonic() - begun)


def _write(place: Path, runs: list[Run], json_file: Path | None) -> None:
    """Write all pages anew, so that there is one of what is known whatever happens next."""
    texts = {claim.id: claim.text for claim in load_claims(ROOT / "suites/claims.toml").values()}
    claims = {claim: texts[claim] for claim in rows(runs, list(texts))}

    def link(claim: str, column: Column) -> str:
        name = "-".join(filter(None, (claim, column.guest, column.accel)))
        return f"{column.qemu}/evidence/{name}.html"

    for run in runs:
        evidence = Evidence(place / run.qemu)
        for claim, text in claims.items():
            for column in run.columns():
                if (cell := run.cell(claim, column)).tests:
                    evidence.write(place / link(claim, column), claim, text, column, cell)
    named = {
        name for run in runs for column in run.columns() for claim in claims for name in run.cell(claim, column).issues
    }
    matrix = Matrix(runs, claims, known(named, ROOT / "docs/findings", place / "findings"), link)
    (place / "matrix.html").write_text(html(matrix), encoding="utf-8")
    (place / "matrix.md").write_text(markdown(matrix), encoding="utf-8")
    told = json.dumps(as_json(runs, list(claims)), indent=1, ensure_ascii=False) + "\n"
    for file in (place / "matrix.json", *([json_file] if json_file else [])):
        file.write_text(told, encoding="utf-8")
