"""The generator: Allure 3, kept in the cache, makes one HTML file of raw results."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from colo_harness.errors import CacheError, HarnessError, MachineError, UsageError
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet
from colo_harness.report.node import SOLUTION, Node, node
from colo_harness.report.results import FOLDER
from colo_harness.settings import Settings

RECIPE = Path(__file__).with_name("allure3")
INSTALL_TIMEOUT = 600.0
BUILD_TIMEOUT = 300.0
PAGE = Path("report", "index.html")
"""Below the results' folder."""
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


def build(results_dir: Path, settings: Settings, progress: Progress = quiet) -> Path:
    """Return the page made of the raw results in `results_dir`: one file, complete in itself, opened from disk.

    Installs Allure when it is not in the cache. Raises UsageError when there are no results, CacheError,
    and HarnessError when Allure chokes on the results.
    """
    results = results_dir / FOLDER
    page = results_dir.absolute() / PAGE
    page.unlink(missing_ok=True)
    if not any([*results.glob("*-result.json"), *results.glob("*-globals.json")]):
        raise UsageError(f"{results} holds no results", "run the suite first")
    with _locked(settings):
        allure, engine = _installed(settings, progress)
    progress("report: making the HTML")
    with TemporaryDirectory(prefix="report-", dir=results_dir) as output:
        argv: list[str | Path] = [engine.executable, allure / CLI, "generate", results.absolute()]
        argv += ["--config", RECIPE / "allurerc.mjs", "--cwd", results_dir, "--output", output]
        try:
            run(argv, timeout=BUILD_TIMEOUT)
            html = Path(output, "index.html").read_text(encoding="utf-8")
        except (MachineError, FileNotFoundError) as failure:
            raise HarnessError(
                f"Allure 3 made no page of {results}: {failure}", "the raw results are whole; `colo setup` again"
            ) from failure
    page.parent.mkdir(exist_ok=True)
    page.write_text(TELEMETRY.sub("", html), encoding="utf-8")
    return page


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
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
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(RECIPE / name, partial)
    argv = [*engine.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        run([*argv, "--prefix", partial], timeout=INSTALL_TIMEOUT)
        if not (partial / CLI).is_file():
            raise CacheError(f"npm installed no {CLI}", "remove the cache folder and try again")
        (partial / MANIFEST).write_text(inventory(partial))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except MachineError as failure:
        raise CacheError(failure.problem, f"make npm reach a registry; if it is npm itself, {SOLUTION}") from failure
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def inventory(folder: Path) -> str:
    """Return a digest of all names and sizes under node_modules, which cut-short copies and clean-ups change."""
    files = sorted(path for path in (folder / "node_modules").rglob("*") if path.is_file())
    lines = (f"{path.relative_to(folder)} {path.stat().st_size}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
