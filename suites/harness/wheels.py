"""The wheel, and environments of its own: it, and of what is installed here that which it asks for, and no more."""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from colo_harness.machine.process import run

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """Make the wheel of this checkout, without any network."""
    argv = ["env", f"--chdir={ROOT}", sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    run([*argv, "--directory", folder], timeout=60)
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(wheel: Path, folder: Path) -> Path:
    """Return the programs of a new virtual environment that has the wheel and, by links, all that it asks for."""
    run([sys.executable, "-m", "venv", "--without-pip", folder], timeout=60)
    programs = folder / "bin"
    pip: list[str | Path] = ["-m", "pip", "--python", programs / "python", "--quiet", "--disable-pip-version-check"]
    run([sys.executable, *pip, "install", "--no-index", "--no-deps", wheel], timeout=60)
    (packages,) = folder.glob("lib/python*/site-packages")
    (metadata,) = packages.glob("colo_harness-*.dist-info")
    asked = {dependency.metadata["Name"]: dependency for dependency in _asked(Distribution.at(metadata))}
    for top, origin in {top: origin for each in asked.values() for top, origin in _tops(each)}.items():
        if not (packages / top).exists():
            (packages / top).symlink_to(origin)
    return programs


def _asked(of: Distribution) -> Iterator[Distribution]:
    """Yield what a distribution asks for without its extras, what that asks for, and so on."""
    for requirement in map(Requirement, of.requires or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found = distribution(requirement.name)
            yield found
            yield from _asked(found)


def _tops(of: Distribution) -> Iterator[tuple[str, Path]]:
    for file in of.files or []:
        if (top := file.parts[0]) not in {"..", "__pycache__"}:
            yield top, Path(str(of.locate_file(top)))
