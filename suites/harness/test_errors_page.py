"""What docs/errors.md shows is what users see: each of its commands is given, and says just that."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from colo_harness.errors import StartupFailed
from colo_harness.qemu import release
from colo_harness.settings import Settings
from suites.harness.markdown import Page
from suites.harness.surroundings import WITH_TINY_AND_LOCKED, WITHOUT_RIGHTS, WITHOUT_TUN
from suites.harness.test_doctor import LACKING_QEMU, executable

ROOT = Path(__file__).parents[2]
PAGE = Page((ROOT / "docs/errors.md").read_text(encoding="utf-8"))
BIN = Path(sys.executable).parent
STATUS = {"colo": 2, "pytest": 4}
LIMIT = 120.0
SURROUNDINGS: Mapping[str, tuple[str, ...]] = {
    "No right to make namespaces": WITHOUT_RIGHTS,
    "No tap": WITHOUT_TUN,
    "No space for the cache": WITH_TINY_AND_LOCKED,
    "No space for results": WITH_TINY_AND_LOCKED,
    "No space for a pair": (*WITH_TINY_AND_LOCKED, "sh", "-c", 'XDG_RUNTIME_DIR="$PWD/tiny" exec "$@"', "sh"),
    "A results folder that cannot be written": WITH_TINY_AND_LOCKED,
    "A mirror out of reach": ("env", "APT_CONFIG=apt.conf"),
}
"""By heading; elsewhere all is as it should be."""
DYING_QEMU = """#!/bin/sh
case "$*" in *--version*) echo "QEMU emulator version 99"; exit 0;; esac
echo "qemu: no such luck" >&2
exit 1
"""


@dataclass(frozen=True)
class Shown:
    """A command of the page, below its heading, and what it says."""

    heading: str
    command: str
    said: str

    def __str__(self) -> str:
        return f"{self.heading}: {self.command}"

    @property
    def runs(self) -> bool:
        """Whether typer lets it through, to what leaves results."""
        return self.command.startswith(("colo run", "pytest")) and "--help`" not in self.said.replace(
            "pytest --help", ""
        )

    @property
    def writes(self) -> bool:
        """Whether its verdicts are written."""
        return self.runs and self.command.startswith("colo") and "--json" not in self.command

    @property
    def pattern(self) -> str:
        """The same as a regular expression: `…` stands for anything."""
        return ".*".join(re.escape(part) for part in self.said.split("…"))


def shown() -> list[Shown]:
    """Return every command of the page but Ctrl-C's, which test_interrupts.py presses."""
    found = []
    for part in re.split(r"^#+ ", PAGE.text, flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        listings = re.findall(r"^```console\n\$ (.*?)\n(.*?)\n```$", part, re.MULTILINE | re.DOTALL)
        found += [Shown(heading, command, said) for command, said in listings if heading != "Ctrl-C"]
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A working folder with all that the page's commands name, and a filled cache."""
    place = tmp_path_factory.mktemp("errors")
    for name in ("tiny", "locked", "tmp", "run", "results", "xdg", "lists"):
        (place / name).mkdir(mode=0o700)
    (place / "xdg/colo-harness").symlink_to(settings.cache_dir)
    executable(place / "lacking", LACKING_QEMU.format(python=sys.executable))
    executable(place / "dying", DYING_QEMU)
    kept = release.recipe(release.REFERENCE).folder
    (place / "damaged" / kept / "root").mkdir(parents=True)
    manifest = (settings.cache_dir / kept / "manifest.json").read_bytes()
    (place / "damaged" / kept / "manifest.json").write_bytes(manifest)
    (place / "sources.list").write_text("deb http://127.0.0.1:9/debian stable main\n")
    (place / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{place}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State::Lists "{place}/lists";\n'
    )
    return place


def test_each_surrounding_is_of_a_heading() -> None:
    """None was forgotten when a heading changed its name."""
    assert set(SURROUNDINGS) <= {one.heading for one in shown()}


def argv(one: Shown, place: Path, verdicts: Path) -> list[str]:
    """Return the command as it is typed, with places of the test's own for what it would leave in the usual ones."""
    program, *typed = shlex.split(one.command)
    own = [f"--results-dir={place / 'results'}"] if one.runs and "--results-dir" not in one.command else []
    own += [f"--json={verdicts}"] if one.writes else []
    typed = [word.replace("=locked", f"={place}/locked") for word in typed]
    start, where = (["env", f"--chdir={ROOT}"], len(typed)) if program == "pytest" else ([], 1)
    return [*SURROUNDINGS.get(one.heading, ()), *start, str(BIN / program), *typed[:where], *own, *typed[where:]]


@pytest.mark.parametrize("one", shown(), ids=str)
def test_a_command_says_what_the_page_shows(one: Shown, place: Path, tmp_path: Path) -> None:
    """A line and a remedy, with the right status, no traceback, the verdicts written, and nothing left."""
    places = {"XDG_CACHE_HOME": place / "xdg", "XDG_RUNTIME_DIR": place / "run", "TMPDIR": place / "tmp"}
    ran = subprocess.run(
        argv(one, place, tmp_path / "verdicts.json"),
        cwd=place,
        env={**os.environ, "COLUMNS": "300", **{name: str(path) for name, path in places.items()}},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    told = ran.stdout if "doctor" in one.command.split()[:2] else f"\n{ran.stderr.strip()}\n"
    assert (
        re.search(rf"\n{one.pattern}\n", told) if told is ran.stdout else re.fullmatch(rf"\n{one.pattern}\n", told)
    ), told
    assert ran.returncode == STATUS[one.command.split()[0]]
    assert "Traceback" not in ran.stdout + ran.stderr
    assert not one.writes or json.loads((tmp_path / "verdicts.json").read_text())["broken"]
    assert [path for left in ("tmp/colo-*", "run/colo-pairs/[!.]*") for path in place.glob(left)] == []


def test_a_qemu_that_dies_is_judged(place: Path, settings: Settings) -> None:
    """Its claims fail with the reason, on a line, and what depends on its start is not tried again and again."""
    verdicts = place / "judged.json"
    own = [f"--qemu={place / 'dying'}", f"--results-dir={place / 'results'}", f"--json={verdicts}", "--accel=tcg"]
    command = [
        str(BIN / "colo"),
        "run",
        *own,
        f"--cache-dir={settings.cache_dir}",
        "--",
        "suites/lifecycle/test_start.py",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    claims = json.loads(verdicts.read_text())["claims"]
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert {claim["verdict"] for claim in claims} == {"invalid"}
    assert {claim["reason"] for claim in claims} == {"LaunchFailure: QEMU died at start"}
    assert f"StartupFailed: LaunchFailure: QEMU died at start\n  {StartupFailed.remedy}\n" in ran.stdout
    assert "qemu: no such luck" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
