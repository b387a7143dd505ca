"""`colo avocado`: run the suite in parts under Avocado, on this machine or on others, and make one report of them."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from colo_harness.cli.options import CacheDir
from colo_harness.cli.recipe import FAREWELL, Part, parts, runnable
from colo_harness.cli.run import ROOT, Arguments
from colo_harness.cli.steps import steps
from colo_harness.errors import UsageError
from colo_harness.judge.claims import AREAS
from colo_harness.judge.score import exit_status
from colo_harness.qemu.release import recipe
from colo_harness.report import merging
from colo_harness.report.making import make
from colo_harness.report.runs import Run
from colo_harness.report.sysinfo import FOLDER
from colo_harness.settings import Settings

JOBS = "jobs"
"""What Avocado leaves, below the results."""
LONGEST = 230
"""Minutes. Its remote spawner gives a test four hours, and fails on any other number: it takes the text for one."""
SLOT = ("client", "host", "port", "username", "password", "prompt")
"""What aexpect must be told of a host."""
SLOT_SHOWN = "docs/many-runners.md shows what is in one"
Areas = Annotated[list[str] | None, typer.Option("--area", help="Only this area; may be given again.")]
Releases = Annotated[list[str] | None, typer.Option("--release", metavar="NAME", help="Judge it; may be given again.")]
Slots = Annotated[
    list[Path] | None, typer.Option("--slot", metavar="FILE", help="A host to run on, as Avocado wants it; repeatable.")
]
Listen = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where hosts reach this machine, with --slot.")]


def avocado(
    *,
    area: Areas = None,
    release: Releases = None,
    shards: Annotated[int, typer.Option(min=1, help="Cut each area into so many parts.")] = 1,
    minutes: Annotated[int, typer.Option(min=1, max=LONGEST, help="What a part may take.")] = 60,
    slot: Slots = None,
    listen: Listen = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the recipe, and run nothing.")] = False,
    cache_dir: CacheDir = None,
    results_dir: Annotated[Path, typer.Option(help="Where the parts' results and the report go.")] = ROOT
    / "reports/avocado",
    arguments: Arguments = None,
) -> None:
    """Run the suite in parts, each a runnable of Avocado, and make one report of all; exits as `colo run` does."""
    place, hosts = results_dir.absolute(), _hosts(slot, listen)
    wanted = list(parts(_areas(area), _releases(release), shards))
    options = [f"--cache-dir={cache_dir}"] if cache_dir else []
    place.mkdir(parents=True, exist_ok=True)
    told = [runnable(each, place, minutes, options, arguments or []) for each in wanted]
    for each in told if hosts else []:
        each["kwargs"].pop("dependencies")  # any other host that is free might get what comes before a part
    (place / "recipe.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    seconds = minutes * 60 + 2 * FAREWELL
    (place / "avocado.conf").write_text(_configuration(place, hosts, listen, seconds), encoding="utf-8")
    if not dry_run:
        for earlier in (JOBS, *map(str, wanted)):
            shutil.rmtree(place / earlier, ignore_errors=True)
        _run(place, spawner="remote" if hosts else "process", at_once=len(hosts) or 1)
        settings = Settings(cache_dir=cache_dir) if cache_dir else Settings()
        raise typer.Exit(exit_status(merged(place, wanted, settings)))
    typer.echo(f"the recipe is {place / 'recipe.json'}; {place / 'avocado.conf'} goes with it")


def _areas(asked: Sequence[str] | None) -> list[str]:
    there = [name for name in AREAS if name != "harness" and (ROOT / "suites" / name).is_dir()]
    for name in asked or []:
        if name not in there:
            raise UsageError(f"--area {name}: there is no suites/{name}", f"areas are {', '.join(there)}")
    return list(asked or there)


def _releases(asked: Sequence[str] | None) -> list[str]:
    for name in asked or []:
        recipe(name)
    return list(asked or [Settings.release])


def _hosts(slots: Sequence[Path] | None, listen: str | None) -> list[str]:
    """Return the slots' files. Raises UsageError."""
    for slot in slots or []:
        try:
            told = json.loads(slot.read_text(encoding="utf-8"))
        except (OSError, ValueError) as trouble:
            raise UsageError(f"--slot {slot}: cannot be read ({trouble})", SLOT_SHOWN) from trouble
        if lacking := [key for key in SLOT if not (isinstance(told, dict) and key in told)]:
            raise UsageError(f"--slot {slot}: {lacking[0]} is missing", SLOT_SHOWN)
    if bool(slots) != bool(listen):
        raise UsageError("--slot and --listen go together", "say at which HOST:PORT those hosts reach this machine")
    return [str(slot.absolute()) for slot in slots or []]


def _configuration(place: Path, hosts: Sequence[str], listen: str | None, seconds: int) -> str:
    """Return avocado.conf: nothing outside `place`, and what other hosts need."""
    jobs, path = place / JOBS, shlex.quote(str(Path(sys.executable).parent))
    remote = ["[spawner.remote]", f"slots = {json.dumps(hosts)}", f"setup_hook = export PATH={path}:$PATH"]
    told = [
        *("[datadir.paths]", f"base_dir = {jobs}", f"logs_dir = {jobs}", f"data_dir = {jobs}/data"),
        f"cache_dirs = {json.dumps([f'{jobs}/cache'])}",
        *("[task.timeout]", f"running = {seconds}", "[sysinfo.collect]", "per_test = True"),
        *("[run]", f"status_server_auto = {not listen}", *([f"status_server_listen = {listen}"] if listen else [])),
        *(remote if hosts else []),
    ]
    return "".join(f"{line}\n" for line in told)


def _run(place: Path, *, spawner: str, at_once: int) -> None:
    """Run Avocado. Raises UsageError where it is not installed."""
    if not (find_spec("avocado") and find_spec("avocado_spawner_remote")):
        raise UsageError("Avocado is not installed", "pip install 'colo-harness[avocado]'; `make setup` does")
    argv: list[str | Path] = [sys.executable, "-W", "ignore:pkg_resources", "-m", "avocado"]
    argv += [
        "--config",
        place / "avocado.conf",
        "run",
        "--spawner",
        spawner,
        "--max-parallel-tasks",
        str(at_once),
        "--job-results-dir",
        place / JOBS,
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where its parts look for one another
    surroundings = {**os.environ, "PATH": path}
    subprocess.run([*argv, place / "recipe.json"], cwd=ROOT, env=surroundings, check=False)


def merged(place: Path, wanted: Sequence[Part], settings: Settings) -> dict[str, Any]:
    """Make the report of what the parts have left; return their verdicts, and what is missing of them."""
    folders = [place / str(part) for part in wanted]
    done = [folder for folder in folders if (folder / "claims.json").exists()]
    broken = [f"{folder.name} left no verdicts: see {place / JOBS}" for folder in folders if folder not in done]
    for folder in done:
        _keep_sysinfo(place, folder)
    runs = [Run.of(folder) for folder in done]
    broken += [text for run in runs for text in run.verdicts["broken"]]
    typer.echo("".join(f"colo: {text}\n" for text in broken), err=True, nl=False)
    if done:
        with steps(Console()) as progress:
            progress(f"the report is {make(done, place, settings, progress, root=ROOT)}")
    return {"claims": merging.claims(runs), "broken": broken}


def _keep_sysinfo(place: Path, folder: Path) -> None:
    """Put into a part's results what Avocado saw of the machine after it."""
    for seen in (place / JOBS).glob(f"job-*/test-results/*-{folder.name}/sysinfo/post"):
        files = [file for file in sorted(seen.iterdir()) if file.is_file() and file.stat().st_size]
        texts = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in files}
        kept = folder / FOLDER / f"{texts.get('hostname', 'machine').strip()}.txt"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("\n".join(f"== {name} ==\n{text}" for name, text in texts.items()), encoding="utf-8")
