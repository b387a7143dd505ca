"""`colo run`: judge a QEMU, claim by claim; `colo plan`: say what that would do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from colo_harness import place
from colo_harness.cli.doctor import head
from colo_harness.cli.options import Accel, Accelerator, CacheDir, Hosts, Qemu, Release
from colo_harness.cli.setup import prepare
from colo_harness.cli.steps import steps
from colo_harness.doctor import Doctor
from colo_harness.errors import HarnessError, MachineError, UsageError, printable
from colo_harness.judge.score import exit_status
from colo_harness.machine import interrupt, probe
from colo_harness.machine.estate import outside
from colo_harness.qemu.release import check
from colo_harness.report.making import make
from colo_harness.settings import Settings

ROOT = Path.cwd() if place.INSTALLED else place.DATA
"""Where the suites lie: the checkout; of the installed library's user, the folder that he is in."""
RIGHTS = ("memory", "disk", "netns")
"""What is asked for before anything is fetched,"""
BUILD = ("qemu", "qemu-objects", "qemu-drivers")
"""and of a QEMU that is not to be fetched."""
SHOW_CURSOR = "\x1b[?25h"
DURATIONS = "durations.json"
"""How long tests took the last time, in the cache: it is this machine that took so long."""
INTERRUPTED, MISUSED = 2, 4
"""Exit statuses of pytest."""

Arguments = Annotated[list[str] | None, typer.Argument(help="Arguments for pytest, behind `--`.")]


def run(
    *,
    qemu: Qemu = None,
    release: Release = Settings.release,
    hosts: Hosts = None,
    accel: Accelerator = Accel.AUTO,
    strict: Annotated[bool, typer.Option("--strict", help="Fail, not skip, for want of anything here.")] = False,
    core: Annotated[bool, typer.Option("--core", help="Keep a core file of a QEMU that hangs.")] = False,
    no_live: Annotated[bool, typer.Option("--no-live", help="Print as pytest does, also on a terminal.")] = False,
    shard: Annotated[str | None, typer.Option(metavar="K/N", help="Run only the Kth of N parts.")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Make no page; `colo report` does.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdicts there too.")] = None,
    cache_dir: CacheDir = None,
    results_dir: Annotated[Path, typer.Option(help="Where results and report go.")] = ROOT / "reports",
    arguments: Arguments = None,
) -> None:
    """Run the conformance suite; exits 0 when every claim held, 1 when one failed, 2 for the harness, 3 if unsure."""
    results_dir = results_dir.absolute()
    document: dict[str, Any] = {"release": None, "accel": accel, "claims": [], "broken": []}
    with _written(document, json_file):
        executable = qemu.absolute() if qemu else None
        cache = cache_dir or Settings().cache_dir
        settings = Settings(
            cache_dir=cache, results_dir=results_dir, qemu=executable, release=release, hosts=hosts, accel=accel.value
        )
        _get_ready(settings)
        options = [*_options(qemu, release, hosts, accel, cache_dir), f"--results-dir={results_dir}"]
        options += [f"-n{0 if hosts else _workers()}"]
        options += [f"--doctor={_diagnose(settings)}", *(["--strict-env"] if strict else [])]
        options += ["--core"] if core else []
        options += [f"--shard={shard}"] if shard else []
        options += [] if no_live else [f"--live={cache / DURATIONS}"]
        _judge([*options, *(arguments or [])], document, settings, page=not no_report)
    raise typer.Exit(exit_status(document))


@contextmanager
def _written(document: dict[str, Any], file: Path | None) -> Iterator[None]:
    """Say what keeps the block from its end, and write the document whatever happens. Raises UsageError."""
    try:
        if file:
            file.touch()
    except OSError as trouble:
        raise UsageError(f"--json {file}: {trouble.strerror}", "name a file that can be written") from trouble
    try:
        yield
    except HarnessError as error:
        document["broken"].append(str(error))
        typer.echo(f"colo: {printable(error.brief)}", err=True)
    except OSError as trouble:
        document["broken"].append(str(MachineError.of(trouble)))
        typer.echo(f"colo: {printable(MachineError.of(trouble).brief)}", err=True)
    except KeyboardInterrupt:
        document["broken"].append("interrupted")
        typer.echo("colo: interrupted", err=True)
    finally:
        if file:
            file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _get_ready(settings: Settings) -> None:
    """Look for what a run cannot do without, the quickest first, and do what `colo setup` does. Raises HarnessError."""
    check(settings)
    probe.space(settings.results_dir, probe.RESULTS, remedy="choose another folder with --results-dir")
    (settings.results_dir / "claims.json").unlink(missing_ok=True)
    Doctor(settings, effort="none").demand(*RIGHTS, *(BUILD if settings.qemu else ()))
    with steps(Console()) as progress:
        prepare(settings, progress)


def _judge(arguments: Sequence[str], document: dict[str, Any], settings: Settings, *, page: bool) -> None:
    """Run pytest and take its verdicts into the document; make the page, if one is wanted and somebody waits for it."""
    verdicts = settings.results_dir / "claims.json"
    status, interrupted = _pytest(arguments)
    if verdicts.exists():
        document.update(json.loads(verdicts.read_text(encoding="utf-8")))
    else:
        document["broken"].append(f"pytest left no verdicts; it ended with status {status}")
    if interrupted or status == INTERRUPTED:
        document["broken"] = document["broken"] or ["interrupted"]
        typer.echo(f"colo: interrupted\n  what ran until then is judged in {verdicts}", err=True)
    elif page and status != MISUSED and verdicts.exists():
        _report(document, settings.results_dir, settings)


def _diagnose(settings: Settings) -> Path:
    """Say what was found here; return where that is written down for the report. Raises HarnessError."""
    diagnosis = head(settings, Console())
    if lost := diagnosis.blocking:
        raise HarnessError(f"{lost[0].name}: {lost[0].text}", lost[0].remedy)
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
        typer.echo("\n".join(f"colo: {printable(trouble)}" for trouble in document["broken"]), err=True)
        return
    with steps(Console()) as progress:
        progress(f"the report is {make([results_dir], results_dir, settings, progress, root=ROOT)}")


def plan(
    qemu: Qemu = None,
    release: Release = Settings.release,
    hosts: Hosts = None,
    accel: Accelerator = Accel.AUTO,
    cache_dir: CacheDir = None,
    arguments: Arguments = None,
) -> None:
    """Say what `colo run` would run and what it would skip, and why; starts no pair."""
    raise typer.Exit(_pytest([*_options(qemu, release, hosts, accel, cache_dir), "--plan", *(arguments or [])])[0])


def _options(qemu: Path | None, release: str, hosts: Path | None, accel: Accel, cache_dir: Path | None) -> list[str]:
    given = [f"--accel={accel}", f"--release={release}"]
    given += [f"--qemu={qemu.absolute()}"] if qemu else []
    given += [f"--hosts={hosts}"] if hosts else []
    return given + ([f"--cache-dir={cache_dir}"] if cache_dir else [])


def _pytest(arguments: Sequence[str]) -> tuple[int, bool]:
    """Return pytest's exit status, and whether Ctrl-C was pressed meanwhile.

    The terminal tells pytest of it, too, which ends in good order; until it can, it is born with that held back.
    """
    argv = [sys.executable, "-m", "pytest", "-m", "not harness", *arguments]
    environment = {**os.environ, "TMPDIR": str(outside())}  # a folder in a folder makes long paths for sockets
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        with interrupt.held():
            running = subprocess.Popen(argv, cwd=ROOT, env=environment)
        return running.wait(), bool(pressed)
    finally:
        if sys.stdout.isatty():
            sys.stdout.write(SHOW_CURSOR)  # whoever was killed amid a live view has hidden it
            sys.stdout.flush()
        signal.signal(signal.SIGINT, before)
