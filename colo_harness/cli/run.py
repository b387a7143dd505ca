"""`colo run`: judge a QEMU, claim by claim; `colo plan`: say what that would do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from colo_harness.cli.doctor import head
from colo_harness.cli.options import Accel, Accelerator, CacheDir, Qemu
from colo_harness.cli.setup import prepare
from colo_harness.cli.steps import steps
from colo_harness.doctor import JUDGED
from colo_harness.errors import HarnessError, UsageError
from colo_harness.judge.score import exit_status
from colo_harness.machine.estate import outside
from colo_harness.report import generator
from colo_harness.settings import Settings

ROOT = Path(__file__).parents[2]
"""The checkout: the suites lie there, beside the library."""


Arguments = Annotated[list[str] | None, typer.Argument(help="Arguments for pytest, behind `--`.")]


def run(
    *,
    qemu: Qemu = None,
    accel: Accelerator = Accel.AUTO,
    strict: Annotated[bool, typer.Option("--strict", help="Fail, not skip, for want of anything here.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdicts there too.")] = None,
    cache_dir: CacheDir = None,
    results_dir: Annotated[Path, typer.Option(help="Where results and report go.")] = ROOT / "reports",
    arguments: Arguments = None,
) -> None:
    """Run the conformance suite; exits 0 when every claim held, 1 when one failed, 2 for the harness, 3 if unsure."""
    results_dir = results_dir.absolute()
    verdicts = results_dir / "claims.json"
    verdicts.unlink(missing_ok=True)
    document: dict[str, Any] = {"release": None, "accel": accel, "claims": [], "broken": []}
    try:
        executable = qemu.absolute() if qemu else None
        cache = cache_dir or Settings().cache_dir
        settings = Settings(cache_dir=cache, results_dir=results_dir, qemu=executable, accel=accel.value)
        with steps(Console()) as progress:
            if qemu is not None and not (qemu.is_file() and os.access(qemu, os.X_OK)):
                raise UsageError(f"--qemu {qemu} is no executable", "give the path of a QEMU executable")
            prepare(settings, progress)
        options = [*_options(qemu, accel, cache_dir), f"--results-dir={results_dir}", f"-n{_workers()}"]
        options += [f"--doctor={_diagnose(settings)}", *(["--strict-env"] if strict else [])]
        status = _pytest([*options, *(arguments or [])])
        if verdicts.exists():
            document = json.loads(verdicts.read_text(encoding="utf-8"))
            _report(document, results_dir, settings)
        elif status:
            document["broken"].append(f"pytest ended with status {status}")
    except HarnessError as error:
        document["broken"].append(str(error))
        typer.echo(f"colo: {error}", err=True)
    finally:
        if json_file:
            json_file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(exit_status(document))


def _diagnose(settings: Settings) -> Path:
    """Say what was found here; return where that is written down for the report. Raises HarnessError."""
    diagnosis = head(settings, Console())
    own = (answer for answer in diagnosis.fatal if answer.remedy)  # one without a remedy follows from another
    if lost := [answer for answer in own if answer.name not in JUDGED]:
        raise HarnessError(f"{lost[0].name}: {lost[0].text}", lost[0].remedy)
    settings.results_dir.mkdir(parents=True, exist_ok=True)
    written = settings.results_dir / "doctor.json"
    written.write_text(json.dumps(diagnosis.as_json(), indent=1) + "\n", encoding="utf-8")
    return written


def _workers() -> int:
    """Return how many processes run tests, 0 for this one alone: a pair keeps two processors busy.

    Guests that starve fall out of step, and their clients stall.
    """
    pairs = (os.cpu_count() or 1) // 2
    return pairs if pairs > 1 else 0


def _report(document: dict[str, Any], results_dir: Path, settings: Settings) -> None:
    """Make the page, where there is something to show; say what went wrong where there is not."""
    if not document["claims"]:
        typer.echo("\n".join(f"colo: {trouble}" for trouble in document["broken"]), err=True)
        return
    with steps(Console()) as progress:
        progress(f"the report is {generator.build(results_dir, settings, progress)}")


def plan(
    qemu: Qemu = None,
    accel: Accelerator = Accel.AUTO,
    cache_dir: CacheDir = None,
    arguments: Arguments = None,
) -> None:
    """Say what `colo run` would run and what it would skip, and why; starts no pair."""
    raise typer.Exit(_pytest([*_options(qemu, accel, cache_dir), "--plan", *(arguments or [])]))


def _options(qemu: Path | None, accel: Accel, cache_dir: Path | None) -> list[str]:
    given = [f"--accel={accel}"]
    given += [f"--qemu={qemu.absolute()}"] if qemu else []
    return given + ([f"--cache-dir={cache_dir}"] if cache_dir else [])


def _pytest(arguments: Sequence[str]) -> int:
    argv = [sys.executable, "-m", "pytest", "-m", "not harness", *arguments]
    environment = {**os.environ, "TMPDIR": str(outside())}  # a folder in a folder makes long paths for sockets
    with subprocess.Popen(argv, cwd=ROOT, env=environment) as running:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches pytest, which ends in good order
        try:
            return running.wait()
        finally:
            signal.signal(signal.SIGINT, before)
