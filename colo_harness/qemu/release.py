"""QEMU releases of Debian, each unpacked into the cache and started through its own loader."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from colo_harness.errors import CacheError, UsageError
from colo_harness.machine.bundle import Recipe, bundle
from colo_harness.machine.progress import Progress, quiet
from colo_harness.settings import Settings

REFERENCE = "reference"
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
"""Where Debian's amd64 packages have libraries: merged /usr, and before it."""
LOADER = "ld-linux-x86-64.so.2"
DOCUMENT = "usr/share/doc/qemu-system-common/system/qemu-colo.html"


def _recipe(*suites: str) -> Recipe:
    return Recipe(
        folder=f"releases/{suites[-1]}",
        suites=suites,
        packages=("qemu-system-x86", "qemu-utils"),
        essential=(
            "usr/bin/qemu-system-x86_64",
            "usr/bin/qemu-img",
            f"**/x86_64-linux-gnu/{LOADER}",
            "usr/share/seabios/bios-256k.bin",
        ),
    )


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "bullseye": _recipe("bullseye"),
        "bookworm": _recipe("bookworm"),
        "bookworm-backports": _recipe("bookworm", "bookworm-backports"),
        "trixie": _recipe("trixie"),
        "trixie-backports": _recipe("trixie", "trixie-backports"),
    }
)
"""Release name, a suite of Debian, to what it is made of. A backports suite keeps its newest version only."""
REFERENCE_SUITE = "trixie-backports"
STRANGERS = MappingProxyType({True: "trixie", False: REFERENCE_SUITE})
"""A release whose COLO a QEMU does not understand, by whether its own x-colo demands return-path."""
NAMES = (REFERENCE, *RECIPES)
"""All that `--release` takes."""


@dataclass(frozen=True)
class Release:
    """One QEMU with all that it needs, below `root`."""

    name: str
    root: Path
    version: str
    """Of the package, such as `1:11.1.3+ds-2~bpo13+1`: for people, never to decide by."""

    def argv(self, binary: str = "qemu-system-x86_64") -> list[str]:
        """Return the start of a command line: the release's own loader, libraries, `binary` and firmware.

        Raises CacheError when the release has no such binary.
        """
        executable = self.root / "usr/bin" / binary
        if not executable.is_file():
            raise CacheError(f"{self.name}: it has no {binary}", f"choose one that is in {executable.parent}")
        libraries = [path for name in LIBRARIES if (path := self.root / name).is_dir()]
        loader = next(path for folder in libraries if (path := folder / LOADER).exists())
        argv = [str(loader), "--library-path", ":".join(map(str, libraries)), str(executable)]
        if binary.startswith("qemu-system-"):
            for firmware in ("qemu", "seabios"):
                argv += ["-L", str(self.root / "usr/share" / firmware)]
            argv = [*self._told_of_modules(), *argv]
        return argv

    def _told_of_modules(self) -> list[str]:
        """Return what comes before a command line where TCG itself is a module, as in Debian's 7.2.

        QEMU looks for modules beside its executable, which is for the kernel the loader.
        """
        modules = [path for name in LIBRARIES for path in (self.root / name).glob("qemu/accel-tcg-*.so")]
        return ["env", f"QEMU_MODULE_DIR={modules[0].parent}"] if modules else []

    @property
    def number(self) -> str:
        """Upstream's version, such as `11.1.3`."""
        found = re.match(r"(?:\d+:)?([\d.]+)", self.version)
        return found[1] if found else self.version

    @property
    def document(self) -> Path:
        """QEMU's own COLO document of this release, in HTML; releases before 11 have none."""
        return self.root / DOCUMENT


def recipe(name: str) -> Recipe:
    """Return what the release `name` is made of. Raises UsageError for an unknown name."""
    if name not in NAMES:
        raise UsageError(f"no QEMU release {name!r} is known", f"choose one of {', '.join(NAMES)}")
    return RECIPES[REFERENCE_SUITE if name == REFERENCE else name]


def fetch(settings: Settings, progress: Progress = quiet, *, name: str = REFERENCE, thorough: bool = False) -> Release:
    """Return the release `name`, fetched if the cache has it not, or not whole.

    `thorough` verifies every file's sha256.
    Raises UsageError for an unknown name, CacheError, MachineError.
    """
    unpacked = bundle(settings.cache_dir, recipe(name), progress, thorough=thorough)
    return Release(name, unpacked.root, unpacked.versions["qemu-system-x86"])


def under_test(settings: Settings) -> list[str]:
    """Return what starts the QEMU under test. Raises UsageError, CacheError, MachineError."""
    check(settings)
    return [str(settings.qemu)] if settings.qemu else fetch(settings, name=settings.release).argv()


def check(settings: Settings) -> None:
    """Raises UsageError where the settings name no QEMU, or two."""
    recipe(settings.release)
    if settings.qemu is None:
        return
    if settings.release != REFERENCE:
        raise UsageError("--qemu and --release both say which QEMU is judged", "leave one of them out")
    if not (settings.qemu.is_file() and os.access(settings.qemu, os.X_OK)):
        raise UsageError(f"--qemu {settings.qemu} is no executable", "give the path of a QEMU executable")


def reference(settings: Settings, progress: Progress = quiet) -> Release:
    """Return the release that claims are judged on when none is given: it replicates under TCG too."""
    return fetch(settings, progress)
