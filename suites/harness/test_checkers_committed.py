"""Output commit: what a client was told, by whomever and of whatever, is not taken back."""

from typing import Any

import pytest

from colo_harness.history import Entry
from colo_harness.judge import NotHeld, acknowledged_explained, output_committed
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.places import unexplained_reads
from colo_harness.judge.replay import TooManyExplanations
from suites.harness.histories import Match, Tape, after, changed, ended, without
from suites.harness.losses import A, B, both_lost, lost_at, told

LATER = 5.5


def reread(first: str | None, second: str | None) -> list[Entry]:
    """Return the history of a slot whose second text nobody acknowledged, as it was read before a loss and after it."""
    tape = Tape().op(1, "log-0", "append", {"slot": 1, "text": "old"})
    tape.op(2, "log-1", "append", {"slot": 1, "text": "new"}, {"error": "EOFError"}, outcome="info", took=9)
    lost_at(tape.op(3, "log-2", "read", {"slot": 1}, {"text": first}))
    return tape.op(6, "log-2", "read", {"slot": 1}, {"text": second}).entries


@pytest.mark.parametrize(
    ("first", "second", "valid"),
    [
        ("old", "old", "valid"),
        ("old", "new", "valid"),
        ("new", "new", "valid"),
        ("new", "old", "invalid"),
        ("new", None, "invalid"),
        (None, "old", "invalid"),
    ],
)
def test_what_was_read_is_not_taken_back(first: str | None, second: str | None, valid: str) -> None:
    """A text that nobody acknowledged may come late or never; once it was read, it stays."""
    assert acknowledged_explained(reread(first, second)).valid == valid
    assert output_committed(reread(first, second)).valid == valid


@pytest.mark.parametrize(
    ("what", "match", "data"),
    [
        ("a text", after(LATER, ended("read", text="mine")), {"text": None}),
        ("the letter of a mark", after(LATER, ended("read", text=A)), {"text": B}),
        ("a block", after(LATER, ended("block")), {"crc32": "bb"}),
        ("a connection", after(LATER, ended("echo")), {"type": "info", "error": "ConnectionResetError"}),
        ("a connection's patience", after(LATER, ended("echo")), {"type": "info", "error": "TimeoutError"}),
    ],
)
def test_nothing_that_was_told_is_taken_back(what: str, match: Match, data: dict[str, Any]) -> None:
    """Of a place on the disk or of a connection, at the survivor."""
    assert what
    assert output_committed(told()).valid == "valid"
    assert output_committed(changed(told(), match, **data)).valid == "invalid"


@pytest.mark.parametrize("what", ["read", "block", "echo"])
def test_the_survivor_must_have_been_asked(what: str) -> None:
    """What it was not asked again proves nothing."""
    assert output_committed(without(told(), lambda entry: entry.at > LATER and entry.what == what)).valid == "unknown"


def test_a_connection_that_had_ended_needs_no_more() -> None:
    """Its end was acknowledged before the loss."""
    ended_before = Tape().echo(1, 0).op(2, "echo-0", "close").echo(1, 0, who="echo-1")
    assert output_committed(lost_at(ended_before).echo(6, 1, who="echo-1").entries).valid == "valid"


def test_early_records_explain_nothing() -> None:
    """They had arrived before the loss, whenever they were asked for."""
    tape = lost_at(Tape().echo(1, 0, who="download-0", what="download"))
    tape.op(6, "download-0", "download", {"n": 1, "early": True}, {"sent": "x", "got": "x"})
    assert output_committed(tape.entries).valid == "unknown"


def test_two_reads_side_by_side_may_tell_either_text() -> None:
    """While a write is under way; but not the old one after the new one."""
    tape = Tape().op(1, "log-0", "append", {"slot": 1, "text": "old"})
    tape.op(2, "log-0", "append", {"slot": 1, "text": "new"}, took=1)
    tape.op(2.1, "log-1", "read", {"slot": 1}, {"text": "new"}, took=0.5)
    tape.op(2.2, "log-2", "read", {"slot": 1}, {"text": "old"}, took=0.2)
    assert list(unexplained_reads(ledger(tape.entries).ops)) == []
    tape.op(2.7, "log-2", "read", {"slot": 1}, {"text": "old"}, took=0.1)
    assert len(list(unexplained_reads(ledger(tape.entries).ops))) == 1


def test_too_many_unanswered_writes_are_no_answer() -> None:
    """The search gives up in seconds, and the verdict is unknown."""
    lost = [Op(n, "log-0", "append", n, {"text": f"{n}"}, "info", n) for n in range(24)]
    with pytest.raises(TooManyExplanations):
        list(unexplained_reads([*lost, Op(99, "log-0", "read", 100, {}, "ok", 101, {"text": "none of these"})]))


def test_beyond_the_promise_nothing_is_called_held() -> None:
    """Both hosts were lost; an oracle that calls that held is wrong, whatever it is shown."""
    assert NotHeld()(both_lost()).valid == "valid"
    answered = changed(both_lost(), ended("echo", error="TimeoutError"), type="ok", sent="x", got="x", error=None)
    assert NotHeld()(answered).valid == "invalid"
    assert NotHeld()(told()).valid == "unknown"
