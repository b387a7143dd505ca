"""A bundle: Debian packages unpacked into a folder of the cache."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from colo_harness.errors import CacheError
from colo_harness.machine.apt import PrivateApt, own_mirror
from colo_harness.machine.holding import scratch
from colo_harness.machine.manifest import describe, sha256, wrong_file
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet

FORMAT = 1
"""Of manifest.json; another number means another layout, and the bundle is built anew."""
BUILD_TIMEOUT = 1800.0
"""Seconds to wait for another process that builds the same bundle."""
UNPACK_TIMEOUT = 300.0
UNUSABLE = "these packages are made otherwise than expected: check which mirror apt uses, or try --qemu PATH"


@dataclass(frozen=True)
class Recipe:
    """What belongs in a bundle."""

    folder: str
    """Relative to the cache, such as `releases/trixie-backports`."""
    suites: tuple[str, ...]
    """What apt may take packages from; the last is preferred."""
    packages: tuple[str, ...]
    """Taken together with all that they depend on."""
    metapackages: tuple[str, ...] = ()
    """Stand for their direct dependencies, which are taken alone."""
    sources: tuple[str, ...] = ()
    """Source packages: what their authors released goes to usr/src/NAME, without Debian's patches."""
    essential: tuple[str, ...] = ()
    """Glob patterns below the root: must be there, and are hashed at each use."""

    def record(self) -> dict[str, Any]:
        """What of the recipe the manifest keeps: a bundle made by another recipe is not this one."""
        told = {key: value for key, value in asdict(self).items() if key != "sources" or value}
        return json.loads(json.dumps(told))  # type: ignore[no-any-return]  # tuples become lists


Obtain = Callable[[Recipe, Path], list[Path]]
"""Puts a recipe's .deb files and its sources' .orig.tar files somewhere into the given folder and returns them."""


@dataclass(frozen=True)
class Bundle:
    """Unpacked packages that were found sound."""

    root: Path
    versions: Mapping[str, str]
    """Package name to Debian version."""


def obtain_with_apt(recipe: Recipe, folder: Path) -> list[Path]:
    """Fetch from the machine's own mirror. Raises CacheError, MachineError."""
    apt = PrivateApt(folder, recipe.suites, own_mirror(), sources=bool(recipe.sources))
    apt.update()
    debs = apt.download(recipe.packages, recipe.suites[-1]) if recipe.packages else []
    for package in recipe.metapackages:
        for dependency in apt.dependencies(package):
            debs = apt.download_only(dependency)
    return [*debs, *(apt.source(package) for package in recipe.sources)]


def bundle(
    cache_dir: Path,
    recipe: Recipe,
    progress: Progress = quiet,
    *,
    thorough: bool = False,
    obtain: Obtain = obtain_with_apt,
) -> Bundle:
    """Return the bundle of `recipe`, built if it is absent or damaged; a sound one needs no network.

    `thorough` verifies the sha256 of every file, else sizes, times and the essential files are looked at.
    Safe in any number of processes at once.
    Raises CacheError, MachineError.
    """
    folder = cache_dir / recipe.folder
    damage = _damage(folder, recipe, thorough=thorough)
    if damage:
        with _locked(folder, recipe, progress):
            damage = _damage(folder, recipe, thorough=thorough)
            if damage:
                progress(f"{recipe.folder}: {damage}; fetching it")
                _build(folder, recipe, obtain, progress)
    manifest = json.loads((folder / "manifest.json").read_text())
    return Bundle(folder / "root", {name: deb["version"] for name, deb in manifest["packages"].items()})


def damage(cache_dir: Path, recipe: Recipe) -> str | None:
    """Say why `bundle` would fetch this recipe anew, or None; changes nothing."""
    return _damage(cache_dir / recipe.folder, recipe, thorough=False)


@contextmanager
def _locked(folder: Path, recipe: Recipe, progress: Progress) -> Iterator[None]:
    """Hold the bundle against other processes; file errors inside are the cache's."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress(f"{recipe.folder}: another process is fetching it; waiting")
            lock.acquire(timeout=BUILD_TIMEOUT)
        try:
            yield
        finally:
            lock.release()
    except Timeout as error:
        raise CacheError(
            f"{recipe.folder}: another process has been fetching it for {BUILD_TIMEOUT:g} s",
            f"end the process that holds {error.lock_file}, then try again",
        ) from None
    except OSError as error:
        raise CacheError(
            f"{recipe.folder}: cannot be kept in the cache: {error}",
            f"make {folder.parent} writable with 2 GB free, or choose another folder with --cache-dir",
        ) from error


def _build(folder: Path, recipe: Recipe, obtain: Obtain, progress: Progress) -> None:
    """Fetch and unpack beside `folder`, then put it into place whole."""
    for leftover in folder.parent.glob(f".{folder.name}~*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with scratch(f".{folder.name}~", folder.parent) as temporary:
        debs = obtain(recipe, temporary / "apt")
        size = sum(deb.stat().st_size for deb in debs)
        progress(f"{recipe.folder}: unpacking {len(debs)} packages ({size / 1e6:.0f} MB)")
        made = temporary / "made"
        root = made / "root"
        root.mkdir(parents=True)
        packages = {}
        for deb in debs:
            name, record = (_unpack if deb.suffix == ".deb" else _unpack_source)(deb, root)
            packages[name] = record
        manifest = {
            "format": FORMAT,
            "recipe": recipe.record(),
            "packages": packages,
            "files": describe(root),
        }
        (made / "manifest.json").write_text(json.dumps(manifest, indent=1))
        missing = _damage(made, recipe, thorough=False)
        if missing:
            raise CacheError(f"{recipe.folder}: what was fetched is not usable: {missing}", UNUSABLE)
        if folder.exists():
            folder.rename(temporary / "damaged")
        made.rename(folder)


def _unpack(deb: Path, root: Path) -> tuple[str, dict[str, str]]:
    """Unpack without running any of the package's scripts; return its name and what the manifest keeps."""
    shown = run(["dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture}", str(deb)], timeout=60)
    name, version, architecture = shown.split()
    run(["dpkg-deb", "--extract", str(deb), str(root)], timeout=UNPACK_TIMEOUT)
    return name, {"version": version, "architecture": architecture, "sha256": sha256(deb)}


def _unpack_source(archive: Path, root: Path) -> tuple[str, dict[str, str]]:
    """Do the same with NAME_VERSION.orig.tar.SUFFIX, as dpkg-source(1) calls it."""
    name, version = archive.name.partition(".orig.tar.")[0].split("_")
    place = root / "usr/src" / name
    place.mkdir(parents=True)
    options = ["--extract", "--no-same-owner", "--strip-components=1", f"--directory={place}"]
    run(["tar", *options, f"--file={archive}"], timeout=UNPACK_TIMEOUT)
    return name, {"version": version, "architecture": "source", "sha256": sha256(archive)}


def _damage(folder: Path, recipe: Recipe, *, thorough: bool) -> str | None:
    """Say what is wrong with the bundle in `folder`, or None."""
    if not folder.exists():
        return "not in the cache"
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        if (manifest["format"], manifest["recipe"]) != (FORMAT, recipe.record()):
            return "made by another recipe"
        return wrong_file(folder / "root", manifest["files"], recipe.essential, thorough=thorough)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"its manifest is damaged ({type(error).__name__}: {error})"
