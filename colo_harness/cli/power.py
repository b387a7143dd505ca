"""`colo power`: which claim notices which defect, of the set-up or of QEMU."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from colo_harness.cli.options import Accel, Accelerator, Release
from colo_harness.cli.run import ROOT
from colo_harness.cli.subrun import Verdicts, verdicts
from colo_harness.colo.sabotage import sabotage as find_sabotage
from colo_harness.errors import UsageError
from colo_harness.qemu.release import recipe
from colo_harness.settings import Settings

SOUND = "sound"
SIGNS: Mapping[str, str] = {"caught": "[green]✗[/]", "missed": "·", "unknown": "[yellow]?[/]", "": " "}


def power(
    *,
    sabotage: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A sabotage of pairs; may be given again.")
    ] = None,
    build: Annotated[list[Path] | None, typer.Option(metavar="QEMU", help="A defective QEMU; as often.")] = None,
    release: Release = Settings.release,
    accel: Accelerator = Accel.AUTO,
    results_dir: Annotated[Path, typer.Option(help="Where the evidence of each defect goes.")] = ROOT / "reports/power",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was found there too.")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for pytest, behind `--`.")] = None,
) -> None:
    """Run the claims once as they are and once with each defect; exits 1 where a claim has noticed none."""
    recipe(release)
    sound_qemu = f"--release={release}"
    defects = {find_sabotage(name).name: [f"--sabotage={name}", sound_qemu] for name in sabotage or []}
    defects |= {path.name: [f"--qemu={path.absolute()}"] for path in build or []}
    if not defects:
        raise UsageError("there is no defect to notice", "name some with --sabotage NAME or --build QEMU")
    shared = [f"--accel={accel}", *(arguments or [])]
    sound = verdicts(["--sabotage=sound", sound_qemu, *shared], results_dir.absolute() / SOUND)
    if not (claims := [claim for claim, verdict in sound.items() if verdict == "valid"]):
        raise UsageError("no claim holds without a defect", f"see {results_dir.absolute() / SOUND}/output.txt")
    broken = {name: verdicts([*given, *shared], results_dir.absolute() / name) for name, given in defects.items()}
    found = {claim: {name: noticed(told, claim) for name, told in broken.items()} for claim in claims}
    _show(found, list(defects))
    if json_file:
        json_file.write_text(json.dumps({"evidence": str(results_dir), "claims": found}, indent=1) + "\n", "utf-8")
    raise typer.Exit(int(any("caught" not in row.values() for row in found.values())))


def noticed(told: Verdicts, claim: str) -> str:
    """Return whether a claim that holds without the defect has noticed it."""
    return {"valid": "missed", "known": "missed", "invalid": "caught"}.get(told.get(claim, ""), "unknown")


def _show(found: Mapping[str, Mapping[str, str]], defects: list[str]) -> None:
    table = Table("claim", *defects, "caught", box=None, pad_edge=False)
    for claim, row in found.items():
        caught = sum(one == "caught" for one in row.values())
        table.add_row(claim, *(SIGNS[row[name]] for name in defects), f"{caught} of {len(row)}")
    console = Console()
    console.print(table)
    if blind := [claim for claim, row in found.items() if "caught" not in row.values()]:
        console.print(f"noticed none of them: {', '.join(blind)}")
