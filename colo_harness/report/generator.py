"""The generator: Allure 3, kept in the cache, makes one HTML file of raw results."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from colo_harness.errors import CacheError, HarnessError, MachineError
from colo_harness.machine.holding import scratch
from colo_harness.machine.probe import read_only
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet
from colo_harness.report.node import SOLUTION, Node, node
from colo_harness.report.packing import pack
from colo_harness.settings import Settings

RECIPE = Path(__file__).with_name("allure3")
INSTALL_TIMEOUT = 600.0
BUILD_TIMEOUT = 300.0
CLI = Path("node_modules", "allure", "cli.js")
MANIFEST = "manifest"
TELEMETRY = re.compile(
    r"<script async src=\"https://[^\"]*\"></script>\s*<script>\s*window\.dataLayer\b.*?</script>", re.DOTALL
)
"""Allure's template reports each opening of the page to its authors (plugin-awesome 3.18, generators.js)."""


def ensure(settings: Settings, progress: Progress = quiet) -> None:
    """Put Node, where the machine has none, and the locked version of Allure 3 into the cache.

    Costs some 50 ms, and needs no network, when they are there undamaged. Raises CacheError.
    """
    with _locked(settings):
        _installed(settings, progress)


def generate(raw: Path, told: Mapping[str, Any], settings: Settings, progress: Progress = quiet, *, work: Path) -> str:
    """Return the HTML that Allure makes of the raw results in a folder: one page, complete in itself.

    `told` is what differs from report to report of Allure's settings (allure3/allurerc.mjs); `work` is a folder of the
    caller's for what comes up on the way. Installs Allure when it is not in the cache. Raises CacheError, and
    HarnessError when Allure chokes on the results.
    """
    with _locked(settings):
        allure, engine = _installed(settings, progress)
    progress("report: making the HTML")
    given = work / "told.json"
    given.write_text(json.dumps(told), encoding="utf-8")
    argv: list[str | Path] = ["env", f"COLO_REPORT={given}", engine.executable, allure / CLI, "generate", raw]
    argv += ["--config", RECIPE / "allurerc.mjs", "--cwd", work, "--output", work / "page"]
    try:
        run(argv, timeout=BUILD_TIMEOUT)
        html = (work / "page" / "index.html").read_text(encoding="utf-8")
    except (MachineError, FileNotFoundError) as failure:
        remedy = "if a result was changed or cut off, remove it; else `colo setup` makes Allure anew"
        raise HarnessError(f"Allure 3 made no page of {raw}: {failure}", remedy) from failure
    return pack(TELEMETRY.sub("", html))


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    if read_only(settings.cache_dir):  # nobody changes anything there
        yield
        return
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.cache_dir / "allure.lock"):
        yield


def _installed(settings: Settings, progress: Progress) -> tuple[Path, Node]:
    engine = node(settings.cache_dir, progress)
    key = hashlib.sha256((RECIPE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = settings.cache_dir / f"allure-{key}"
    manifest = folder / MANIFEST
    if not manifest.is_file() or manifest.read_text() != inventory(folder):
        progress("report: installing Allure 3 (55 MB) from npm")
        install(folder, engine)
    return folder, engine


def install(folder: Path, engine: Node) -> None:
    """Make `folder` hold the locked packages and a manifest of them, or leave it as it is. Raises CacheError."""
    with scratch(f".{folder.name}~", folder.parent) as temporary:
        made = temporary / "made"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(RECIPE / name, made)
        argv = [*engine.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        try:
            run([*argv, "--prefix", made], timeout=INSTALL_TIMEOUT)
        except MachineError as failure:
            raise CacheError(
                failure.problem, f"make npm reach a registry; if it is npm itself, {SOLUTION}"
            ) from failure
        if not (made / CLI).is_file():
            raise CacheError(f"npm installed no {CLI}", "remove the cache folder and try again")
        (made / MANIFEST).write_text(inventory(made))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def inventory(folder: Path) -> str:
    """Return a digest of all names and sizes under node_modules, which cut-short copies and clean-ups change."""
    files = sorted(path for path in (folder / "node_modules").rglob("*") if path.is_file())
    lines = (f"{path.relative_to(folder)} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
