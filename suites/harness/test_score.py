"""The scorecard alone: worst wins, and the exit status that follows."""

from typing import Any

import pytest

from colo_harness.judge.score import Kind, Outcome, Planned, Scorecard, Verdict, exit_status


def card(*kinds: Kind, control: Kind | None = None) -> Scorecard:
    """Return a scorecard of one claim with a sound test of each kind and perhaps a control."""
    made = Scorecard()
    tests: list[tuple[Kind, str | None]] = [(kind, None) for kind in kinds]
    tests += [(control, "no-rewriter")] if control else []
    for number, (kind, sabotage) in enumerate(tests):
        made.plan([Planned(f"t{number}", ("FT-1",), "failover", sabotage)])
        made.record(Outcome(f"t{number}", "setup", "passed", 1.0))
        made.record(Outcome(f"t{number}", "call", kind, 2.0, f"{kind} it is"))
        made.record(Outcome(f"t{number}", "teardown", "passed", 0.5))
    return made


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (card("passed"), "valid"),
        (card("skipped", "passed"), "valid"),
        (card("skipped", "skipped"), "skipped"),
        (card("passed", "known"), "known"),
        (card("known", "undecided"), "unknown"),
        (card("known", "broken"), "unknown"),
        (card("broken", "invalid", "passed"), "invalid"),
        (card("passed", control="passed"), "valid"),
        (card("passed", control="unnoticed"), "unknown"),
        (card("passed", control="invalid"), "unknown"),
        (card("invalid", control="skipped"), "invalid"),
    ],
    ids=str,
)
def test_worst_wins(made: Scorecard, verdict: Verdict) -> None:
    """Invalid, unknown, known, valid; skipped only where nothing else is."""
    (score,) = made.scores()
    assert score.verdict == verdict


def test_time_is_that_of_all_tests() -> None:
    """Seconds sum set-up, call and tear-down of sound tests and controls."""
    (score,) = card("passed", control="passed").scores()
    assert (score.seconds, score.tests) == (7.0, 2)


def test_a_test_that_never_ran_is_unknown() -> None:
    """Half a test is no pass."""
    made = Scorecard()
    made.plan([Planned("t", ("FT-1",), "failover")])
    made.record(Outcome("t", "setup", "passed", 1.0))
    (score,) = made.scores()
    assert score.verdict == "unknown"
    assert made.broken == ["the run ended before 1 of its tests"]


@pytest.mark.parametrize(
    ("verdicts", "broken", "status"),
    [
        (["valid", "known", "skipped"], [], 0),
        ([], [], 0),
        (["valid", "invalid", "unknown"], [], 1),
        (["invalid"], ["no room"], 1),
        (["valid"], ["no room"], 2),
        (["unknown"], ["no room"], 2),
        ([], ["no room"], 2),
        (["valid", "unknown"], [], 3),
    ],
    ids=str,
)
def test_exit_status(verdicts: list[str], broken: list[str], status: int) -> None:
    """A failed claim outweighs trouble, trouble outweighs doubt."""
    document: dict[str, Any] = {"claims": [{"verdict": each} for each in verdicts], "broken": broken}
    assert exit_status(document) == status
