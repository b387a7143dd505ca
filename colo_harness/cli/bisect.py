"""`colo bisect`: find the first build of QEMU on which a claim fails."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from colo_harness.bisection import bisect as search
from colo_harness.cli.options import Accel, Accelerator
from colo_harness.cli.run import ROOT
from colo_harness.cli.subrun import verdicts
from colo_harness.errors import UsageError
from colo_harness.history import Valid
from colo_harness.qemu.release import RECIPES

EXECUTABLE = "qemu-system-x86_64"
UNDECIDED = 3
"""Exit status where unknown verdicts leave more than one build."""
WORDS: Mapping[Valid, str] = {"valid": "holds", "invalid": "fails", "unknown": "unknown"}

Find = Callable[[str], str | None]
"""Finds or makes the QEMU of a build, and returns the option that names it; None where that fails."""


def bisect(
    good: Annotated[str, typer.Argument(help="A build on which the claim holds.")],
    bad: Annotated[str, typer.Argument(help="A later one on which it fails.")],
    *,
    claim: Annotated[str, typer.Option(metavar="ID", help="The claim to judge.")],
    builds: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A folder of builds, named in order.")] = None,
    commits: Annotated[
        Path | None, typer.Option(metavar="CHECKOUT", help="A git checkout: builds are commits.")
    ] = None,
    releases: Annotated[bool, typer.Option("--releases", help=f"Builds are releases: {', '.join(RECIPES)}.")] = False,
    make: Annotated[
        str, typer.Option(metavar="COMMAND", help="Makes the QEMU of the commit that is its argument; prints its path.")
    ] = "",
    accel: Accelerator = Accel.AUTO,
    results_dir: Annotated[Path, typer.Option(help="Where the evidence of each build goes.")] = ROOT / "reports/bisect",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was found there too.")] = None,
) -> None:
    """Name the first bad build; exits 0 when there is one, 3 when verdicts that are unknown leave several."""
    if [bool(builds), bool(commits), releases].count(True) != 1 or bool(commits) != bool(make):
        remedy = "give --builds FOLDER, --commits CHECKOUT with --make COMMAND, or --releases"
        raise UsageError("builds come from one place", remedy)
    names, find = _source(builds, commits, make, good, bad)
    asked: dict[str, Any] = {}

    def ask(name: str) -> Valid:
        begun, place = time.monotonic(), results_dir.absolute() / name
        qemu = find(name)
        verdict = judged(qemu, claim, accel, place) if qemu else "unknown"
        asked[name] = {"verdict": verdict, "evidence": str(place)}
        typer.echo(f"{WORDS[verdict]:8}  {name}  {time.monotonic() - begun:.0f} s  {place}")
        return verdict

    found = search(names, ask)
    told = {"claim": claim, "good": found.good, "suspects": found.suspects, "asked": asked}
    if json_file:
        json_file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if found.culprit:
        typer.echo(f"{claim} fails first on {found.culprit}; it holds on {found.good}")
        return
    typer.echo(f"{claim} fails first on one of {', '.join(found.suspects)}; it holds on {found.good}")
    raise typer.Exit(UNDECIDED)


def _source(builds: Path | None, commits: Path | None, make: str, good: str, bad: str) -> tuple[list[str], Find]:
    """Return the builds from the good one to the bad one, and what finds each. Raises UsageError."""
    if builds:
        return _between(_in_folder(builds), good, bad), lambda name: _option(executable_of(builds / name))
    if commits:
        return _between(_of_checkout(commits, good, bad), good, bad), lambda name: _option(_made(make, name))
    return _between(list(RECIPES), good, bad), lambda name: f"--release={name}"


def _option(executable: Path | None) -> str | None:
    return f"--qemu={executable.absolute()}" if executable else None


def judged(qemu: str, claim: str, accel: Accel, place: Path) -> Valid:
    """Return the verdict of this run on a QEMU; what was not judged is unknown. All that was said lies in `place`."""
    options = [qemu, f"--accel={accel}", f"--claim={claim}", "--runxfail"]
    told = verdicts(options, place).get(claim)
    return next((verdict for verdict in WORDS if verdict == told), "unknown")


def executable_of(build: Path) -> Path | None:
    """Return the QEMU of a build, which is the executable or a folder that has it somewhere."""
    if build.is_file():
        return build
    return next(iter(sorted(build.rglob(EXECUTABLE))), None)


def _made(command: str, commit: str) -> Path | None:
    """Make the QEMU of a commit; its path is the last line that the command prints."""
    made = subprocess.run([*shlex.split(command), commit], stdout=subprocess.PIPE, text=True, check=False)
    last = made.stdout.strip().rpartition("\n")[2]
    return Path(last) if made.returncode == 0 and Path(last).is_file() else None


def _in_folder(folder: Path) -> list[str]:
    """Return the names in a folder, numbers in them in the order of numbers."""

    def order(name: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]

    if not folder.is_dir():
        raise UsageError(f"--builds {folder} is no folder", "name one with a QEMU, or a folder of one, for each build")
    return sorted((one.name for one in folder.iterdir()), key=order)


def _of_checkout(checkout: Path, good: str, bad: str) -> list[str]:
    """Return the commits from `good` to `bad`, both included, along the first parents."""
    argv = ["git", "-C", str(checkout), "rev-list", "--reverse", "--first-parent", f"{good}..{bad}"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise UsageError(f"git knows no way from {good} to {bad}: {listed.stderr.strip()}", "name two commits")
    commits = listed.stdout.split()
    return [good, *commits[:-1], bad] if commits else [good]


def _between(names: Sequence[str], good: str, bad: str) -> list[str]:
    if missing := [name for name in (good, bad) if name not in names]:
        raise UsageError(f"there is no build {missing[0]}", f"there are {', '.join(names) or 'none'}")
    return list(names[names.index(good) : names.index(bad) + 1])
