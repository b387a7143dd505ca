"""The version, and what is said of it."""

import ast
import re
from datetime import date
from pathlib import Path

import fixtures
from colo_harness import __version__

ROOT = Path(__file__).parents[2]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Those of Keep a Changelog."""
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def numbers(version: str) -> list[int]:
    """Return what Semantic Versioning orders by."""
    return [int(number) for number in version.split(".")]


def test_the_changelog_has_its_form() -> None:
    """What is not released yet comes first, then each release with its day, the newest first."""
    first, *released = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    pairs = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\S+)", heading) for heading in released]
    told = [(numbers(pair[1]), date.fromisoformat(pair[2])) for pair in pairs if pair]
    assert (first, len(told)) == ("[Unreleased]", len(released))
    assert told == sorted(told, reverse=True)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= KINDS


def test_the_version_is_said_in_one_place() -> None:
    """A number that Semantic Versioning has, not older than the newest release, and read from there by the build."""
    newest = re.search(r"^## \[(\d\S*)\]", CHANGELOG, re.MULTILINE)
    assert numbers(__version__) >= numbers(newest[1] if newest else "0.0.0")
    assert not re.search(r"^version = ", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_plugins_do_not_name_their_package() -> None:
    """They import one another by relative names: in the wheel the package is called otherwise."""
    sources = [path.read_text(encoding="utf-8") for path in Path(*fixtures.__path__).glob("*.py")]
    imports = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imports if (node.module or "").partition(".")[0] == "fixtures"] == []
