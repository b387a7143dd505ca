"""docs/regressions.md and the markers of the suites say the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.qemu.issues import issues
from fixtures.regressions import Regression
from suites.harness.markdown import Page, words

ROOT = Path(__file__).parents[2]
ROWS = Page((ROOT / "docs/regressions.md").read_text(encoding="utf-8")).rows
MODULES = [path for path in sorted(ROOT.glob("suites/*/test_*.py")) if path.parts[-2] != "harness"]
COUNT = 47
"""So many bugs are known."""


def marks(module: Path) -> Iterator[tuple[str, Regression]]:
    """Yield the node id of each test and each bug that it carries."""
    for test in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        for call in (node for one in getattr(test, "decorator_list", ()) for node in ast.walk(one)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.regression":
                given = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
                mark = pytest.Mark("regression", tuple(map(ast.literal_eval, call.args)), given, _ispytest=True)
                name = f"{module.relative_to(ROOT)}::{test.name}"  # type: ignore[attr-defined]  # a function has one
                yield name, Regression.of(mark)


MARKS = [found for module in MODULES for found in marks(module)]
TOLD = {(node, words(row[1])[0]) for row in ROWS for node in words(row[4]) if "::" in node}


def test_every_known_bug_has_a_row() -> None:
    """Each with its symptom, and with a test or a sentence that says why there is none."""
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, COUNT + 1)]
    assert [row[0] for row in ROWS if not row[2] or not row[4]] == []
    assert [row[0] for row in ROWS if ("::" in row[4]) == row[4].startswith("None")] == []


def test_the_tests_of_the_page_carry_its_bugs() -> None:
    """Each that is named exists and is marked, and no other is marked."""
    assert {(node, bug.ticket) for node, bug in MARKS} == TOLD


def test_a_marker_that_is_hidden_is_not_overlooked() -> None:
    """Every marker stands at its test, or in its parameters, where one who reads the test sees it."""
    texts = [module.read_text(encoding="utf-8") for module in MODULES]
    assert sum(len(re.findall(r"mark\.regression\b", text)) for text in texts) == len(MARKS)


def test_page_and_issues_say_the_same() -> None:
    """Of each that has a ticket: what it was, and on which releases."""
    told = {words(row[1])[0]: (row[2], "".join(words(row[3]))) for row in ROWS if words(row[1])}
    assert told == {name: (issue.text, issue.fails_on or issue.may_fail_on) for name, issue in issues().items()}


def test_each_issue_has_a_link_and_releases_that_can_be_read() -> None:
    """It fails on some or may fail on some, and not both."""
    assert [name for name, issue in issues().items() if not issue.link or (issue.fails_on and issue.may_fail_on)] == []
    assert all(issue.known_on or not issue.fails_on + issue.may_fail_on for issue in issues().values())
