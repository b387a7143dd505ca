"""The judgement on a history: every checker is heard, and an unknown is never a pass."""

from collections.abc import Iterable, Sequence

from colo_harness.errors import ProductFailure, Undecided
from colo_harness.history import CheckData, Entry, History
from colo_harness.judge.symptoms import consoles_clean, symptoms_declared
from colo_harness.judge.verdict import Checker, Verdict

ALWAYS: tuple[Checker, ...] = (consoles_clean, symptoms_declared)
"""Checkers that every judgement includes, asked for or not."""


class Violation(ProductFailure):
    """A checker said no; `verdicts` are those of all checkers, one sentence for each invalid one is the text."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        said_no = (verdict for verdict in verdicts if verdict.valid == "invalid")
        super().__init__("\n".join(map(_sentence, said_no)))
        self.verdicts = tuple(verdicts)


def judge(entries: Iterable[Entry], *checkers: Checker) -> list[Verdict]:
    """Return the verdict of each checker and of each that is always on; one that crashes says unknown."""
    judged = list(entries)
    return [hear(checker, judged) for checker in everyone(*checkers)]


def everyone(*checkers: Checker) -> list[Checker]:
    """Return these checkers and those that are always on, each once."""
    return list({id(checker): checker for checker in (*checkers, *ALWAYS)}.values())


def hear(checker: Checker, entries: Sequence[Entry]) -> Verdict:
    """Return the checker's verdict; one that crashes says unknown."""
    try:
        return checker(entries)
    except Exception as crash:  # noqa: BLE001 - whatever breaks a checker, its verdict is unknown, never a pass
        return Verdict(checker.name, "unknown", f"the checker crashed: {type(crash).__name__}: {crash}")


def check(history: History, *checkers: Checker) -> None:
    """Judge the history and record in it each verdict, and all that is needed to reach it again.

    Raises Violation if a checker says invalid, Undecided if none does but one says unknown, TypeError for a checker
    with a parameter that cannot be written down.
    """
    entries = history.entries
    until = entries[-1].line if entries else 1
    heard = [(checker.parameters, hear(checker, entries)) for checker in everyone(*checkers)]
    verdicts = [verdict for _, verdict in heard]
    for parameters, verdict in heard:
        told = CheckData(
            verdict=verdict.valid,
            reason=verdict.reason,
            at=verdict.at,
            lines=list(verdict.lines),
            parameters=parameters,
            until=until,
        )
        history.append("check", "judge", verdict.checker, dict(told))
    if any(verdict.valid == "invalid" for verdict in verdicts):
        raise Violation(verdicts)
    unknown = [verdict for verdict in verdicts if verdict.valid == "unknown"]
    if unknown:
        raise Undecided("\n".join(map(_sentence, unknown)))


def _sentence(verdict: Verdict) -> str:
    moment = "" if verdict.at is None else f" (at {verdict.at:.3f} s)"
    return f"{verdict.checker}: {verdict.reason}{moment}."
