"""Known issues and findings that cells name: what each is, and where it is told of."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from colo_harness.qemu.issues import issues
from colo_harness.report.finding import title


@dataclass(frozen=True)
class Known:
    """An issue: how cells call it, what it is, and a link or a citation."""

    name: str
    text: str
    link: str


def known(names: Iterable[str], findings: Path, place: Path) -> dict[str, Known]:
    """Return the issues of these names; `findings` has the findings, and each that is named is copied to `place`."""
    told = {name: issues().get(name) for name in sorted(set(names))}
    return {
        name: Known(name, issue.text, issue.link) if issue else _finding(name, findings, place)
        for name, issue in told.items()
    }


def _finding(name: str, findings: Path, place: Path) -> Known:
    page, copy = findings / f"{name}.md", place / f"{name}.txt"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(page, copy)
    return Known(f"finding {int(name[:4])}", title(page).partition(" ")[2], f"{place.name}/{copy.name}")
