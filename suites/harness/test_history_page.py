"""docs/history.md describes the format that is written, and what `colo judge` prints of it."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from colo_harness.cli.judge import STATUS
from colo_harness.history import DATA, VERSION, Entry, Header, Kind
from colo_harness.recording import load
from suites.harness.markdown import Page, words

PAGE = Page((Path(__file__).parents[2] / "docs/history.md").read_text(encoding="utf-8"))
EXAMPLE, *_ = re.findall(r"^```jsonl\n(.*?)^```$", PAGE.text, re.MULTILINE | re.DOTALL)
PRINTED, DAMAGED, TORN = re.findall(r"^```text\n(.*?)^```$", PAGE.text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The page's example as a file."""
    path = tmp_path / "history.jsonl"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def colo_judge(path: Path) -> tuple[str, str, int]:
    """Return what `colo judge` prints on both streams where the file lies, and its status."""
    argv: list[str | Path] = [Path(sys.executable).with_name("colo"), "judge", path.name]
    ran = subprocess.run(argv, cwd=path.parent, capture_output=True, text=True, timeout=60, check=False)
    return ran.stdout, ran.stderr, ran.returncode


def cells(heading: str, *columns: int) -> list[str]:
    """Return what stands in backticks in these columns of a section's tables."""
    return [word for row in PAGE.section(heading).rows for column in columns for word in words(row[column])]


def test_the_fields_are_those_of_the_code() -> None:
    """Of the header and of an entry, in their order; and the version."""
    assert cells("Header", 0) == [field.name for field in fields(Header)]
    assert cells("Entries", 0) == [field.name for field in fields(Entry) if field.compare]
    assert f"Version {VERSION}:" in PAGE.text


def test_the_kinds_are_those_of_the_code() -> None:
    """Each, in order."""
    assert cells("Kinds", 0) == list(get_args(Kind))


def test_the_data_is_that_of_the_code() -> None:
    """Each key of each kind, in order; what may be missing, and every value of one that has a few."""
    rows = {(words(kind)[0], words(key)[0]): text for kind, key, text in PAGE.section("Data").rows}
    assert list(rows) == [(kind, key) for kind, of in DATA.items() for key in get_type_hints(of)]
    for kind, of in DATA.items():
        for key, hint in get_type_hints(of).items():
            assert ("may be missing" in rows[kind, key]) == (key in getattr(of, "__optional_keys__", ())), (kind, key)
            choices = [one for one in get_args(hint) if isinstance(one, str)]
            assert not choices or sorted(words(rows[kind, key])) == sorted(choices), (kind, key)


def test_the_example_is_a_history(history: Path) -> None:
    """It is read, and judged as the page says."""
    assert load(history).torn is None
    assert colo_judge(history) == (PRINTED, "", 1)


def test_damage_is_told_as_shown(history: Path) -> None:
    """An answer that came twice, and a file that was cut off."""
    lines = EXAMPLE.splitlines(keepends=True)
    history.write_text("".join([*lines[:4], lines[3], *lines[4:]]), encoding="utf-8")
    assert colo_judge(history) == ("", DAMAGED, 2)
    history.write_text(EXAMPLE[:-20], encoding="utf-8")
    assert colo_judge(history)[1] == TORN


def test_the_statuses_are_those_of_the_code() -> None:
    """One for each verdict, and one for damage."""
    told = {int(row[0]) for row in PAGE.section("Judging it again").rows}
    assert told == {*STATUS.values(), 2}
