"""`colo report`: make the report of runs, at any time."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from colo_harness.cli.options import CacheDir
from colo_harness.cli.run import ROOT
from colo_harness.cli.steps import steps
from colo_harness.errors import UsageError
from colo_harness.report.junit import junit as xml
from colo_harness.report.making import make
from colo_harness.report.runs import Run, environments
from colo_harness.settings import Settings

Places = Annotated[
    list[Path] | None, typer.Argument(metavar="RESULTS_DIR…", help="Folders of runs; reports by default.")
]


def report(
    places: Places = None,
    *,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there too.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where report and history go, not into the first folder.")
    ] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Make one report of the runs in these folders: shards and repetitions together, each environment apart."""
    folders = places or [ROOT / "reports"]
    runs = [Run.of(place) for place in folders]
    if junit:
        _write(junit, xml(environments(runs)))
    settings = Settings(cache_dir=cache_dir) if cache_dir else Settings()
    with steps(Console()) as progress:
        page = make(folders, out or folders[0], settings, progress, root=ROOT)
        progress(f"the report is {page}")
    if open_it and not webbrowser.open(page.as_uri()):
        raise UsageError("there is no browser to open it with", f"open {page} yourself: it needs no server")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as trouble:
        raise UsageError(f"--junit {file}: {trouble.strerror}", "name a file that can be written") from trouble
