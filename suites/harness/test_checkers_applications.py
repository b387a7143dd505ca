"""What the applications' checkers say of each kind of loss."""

from collections.abc import Callable
from typing import Any

import pytest

from colo_harness.history import Entry
from colo_harness.judge.bank import bank_holds
from colo_harness.judge.counting import counter_runs_on
from colo_harness.judge.pieces import file_whole
from colo_harness.judge.verdict import Plain
from suites.harness.cases_applications import LOSS, banked, counted, downloaded
from suites.harness.histories import Tape, after, changed, ended

FIRST, SECOND, THIRD = (f"redis-0.{n}" for n in range(3))


@pytest.mark.parametrize(
    ("books", "told"),
    [
        ({"balances": [970, 1040]}, "a total of 2010, 2000 is due"),
        ({"balances": [960, 1040]}, "its commits make [970, 1030]"),
        ({"commits": [FIRST, SECOND]}, "as commit 3, and redis-0 audit(): it has 2 commits"),
        ({"commits": [SECOND, FIRST, THIRD]}, "as commit 1, and redis-0 audit(): it has redis-0.1 there"),
        ({"commits": [FIRST, SECOND, THIRD, "redis-9.0"]}, "nobody asked for (['redis-9.0'])"),
        ({"commits": [FIRST, SECOND, THIRD, THIRD]}, "there twice (['redis-0.2'])"),
    ],
    ids=["made", "moved", "forgotten", "reordered", "invented", "doubled"],
)
def test_books_that_are_wrong(books: dict[str, Any], told: str) -> None:
    """Money that is made or moved, and commits that are forgotten, reordered, invented or doubled."""
    verdict = bank_holds(changed(banked(), after(LOSS, ended("audit")), **books))
    assert (verdict.valid, told in verdict.reason) == ("invalid", True), verdict.reason


@pytest.mark.parametrize("kept", [1, 2])
def test_a_commit_without_an_answer_may_be_there_or_not(kept: int) -> None:
    """Nobody knows of it: books with it and books without it are both right."""
    tape = Tape()
    for n, outcome in enumerate(("ok", "info")):
        order = {"n": n, "bank": "redis", "id": f"redis-0.{n}", "debit": 0, "credit": 1, "amount": 10}
        tape.op(1 + n, "redis-0", "transfer", order, {"number": 1} if outcome == "ok" else {}, outcome=outcome)
    books = {"commits": [FIRST, SECOND][:kept], "balances": [1000 - 10 * kept, 1000 + 10 * kept]}
    tape.fault(3, "inject").op(5, "redis-1", "audit", {"bank": "redis", "opening": 1000}, books)
    assert bank_holds(tape.entries).valid == "valid"


@pytest.mark.parametrize(
    ("checker", "sound", "what"),
    [(file_whole, downloaded, "piece"), (counter_runs_on, counted, "count")],
    ids=["file", "counter"],
)
@pytest.mark.parametrize(
    "end",
    [{"type": "info", "error": "ConnectionResetError"}, {"type": "fail", "wrong": "something else"}],
    ids=["cut-off", "wrong"],
)
def test_sessions_that_end_badly(
    checker: Plain, sound: Callable[[], list[Entry]], what: str, end: dict[str, Any]
) -> None:
    """A session that is cut off after a loss, or is answered wrongly, is no session that goes on."""
    gone = {"sent": None, "got": None, "connection": None}
    assert checker(changed(sound(), after(LOSS, ended(what)), **end, **gone)).valid == "invalid"
