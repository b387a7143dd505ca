"""The applications' software: Debian's redis, nginx, SQLite and OpenSSH, with the libraries that they need."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import CacheError
from colo_harness.machine.bundle import Recipe, bundle
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet
from colo_harness.qemu.release import LIBRARIES, LOADER
from colo_harness.settings import Settings

FOLDERS = ("usr/bin", "usr/sbin", "sbin")
"""Where Debian's packages have programs."""
INTERPRETER = f"lib64/{LOADER}"
"""Where a program for amd64 expects its loader."""
SEARCHED = "usr/lib/x86_64-linux-gnu"
"""A folder in which that loader looks without being told."""
RECIPE = Recipe(
    folder="software/bookworm",
    suites=("bookworm",),
    packages=("redis-server", "nginx", "openssh-server", "libsqlite3-dev", "e2fsprogs"),
    essential=(
        "usr/bin/redis-server",
        "usr/sbin/nginx",
        "usr/sbin/sshd",
        "usr/lib/x86_64-linux-gnu/libsqlite3.a",
        "sbin/mke2fs",
        f"**/x86_64-linux-gnu/{LOADER}",
    ),
)
_LISTED = re.compile(r"^\t(\S+) => (/\S+) \(0x", re.MULTILINE)


@dataclass(frozen=True)
class Software:
    """Debian's packages, unpacked below `root`."""

    root: Path
    versions: Mapping[str, str]
    """Package name to Debian version."""

    @property
    def header_folder(self) -> Path:
        """Where sqlite3.h is."""
        return self.root / "usr/include"

    @property
    def sqlite(self) -> Path:
        """SQLite as a static library."""
        return self.root / "usr/lib/x86_64-linux-gnu/libsqlite3.a"

    def program(self, name: str) -> Path:
        """Return the executable of this name. Raises CacheError."""
        for folder in FOLDERS:
            if (path := self.root / folder / name).is_file():
                return path
        raise CacheError(f"{RECIPE.folder}: it has no {name}", "fetch it anew with colo setup")

    def argv(self, name: str) -> list[str]:
        """Return what starts a program here, with its own loader and libraries. Raises CacheError."""
        return [*self._loader(), str(self.program(name))]

    def files(self, programs: Iterable[str]) -> dict[str, bytes]:
        """Return these programs, and all that they are linked with, by where a guest has them. Raises as `run` does."""
        found: dict[str, bytes] = {}
        for name in programs:
            found[f"bin/{name}"] = self.program(name).read_bytes()
            told = run([*self._loader(), "--list", self.program(name)], timeout=60)
            for library, path in _LISTED.findall(told):
                where = INTERPRETER if library.endswith(LOADER) else f"{SEARCHED}/{library}"
                found[where] = Path(path).read_bytes()
        return found

    def _loader(self) -> list[str]:
        libraries = [path for name in LIBRARIES if (path := self.root / name).is_dir()]
        loader = next(path for folder in libraries if (path := folder / LOADER).exists())
        return [str(loader), "--library-path", ":".join(map(str, libraries))]


def fetch_software(settings: Settings, progress: Progress = quiet, *, thorough: bool = False) -> Software:
    """Return the software, fetched if the cache has it not, or not whole; `thorough` verifies every file's sha256.

    Raises CacheError, MachineError.
    """
    unpacked = bundle(settings.cache_dir, RECIPE, progress, thorough=thorough)
    return Software(unpacked.root, unpacked.versions)
