"""A verdict: what one checker says about one history."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from colo_harness.history import Entry, Valid
from colo_harness.typed import plain, typed

_RANK: dict[Valid, int] = {"valid": 0, "unknown": 1, "invalid": 2}
_NAMED = 5  # so many faults a reason names before it counts the rest


@dataclass(frozen=True)
class Verdict:
    """One checker's judgement; `at` is the moment of the violation in seconds, `lines` show it in the history."""

    checker: str
    valid: Valid
    reason: str
    at: float | None = None
    lines: tuple[int, ...] = ()


class Checker(Protocol):
    """A pure function from a history to a verdict."""

    @property
    def name(self) -> str:
        """The name under which reports show it."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was made with, as JSON has it."""

    def __call__(self, entries: Sequence[Entry], /) -> Verdict:
        """Judge the entries, in whatever order they come."""


@dataclass(frozen=True)
class Plain:
    """A checker without parameters, made of a function that judges entries in order of time."""

    judge: Callable[[Sequence[Entry]], Verdict]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.judge.__name__

    @property
    def parameters(self) -> dict[str, Any]:
        """None."""
        return {}

    def __call__(self, entries: Sequence[Entry], /) -> Verdict:
        """Judge the entries."""
        return replace(self.judge(timeline(entries)), checker=self.name)


class Parametrised:
    """Base of the checkers with parameters: frozen dataclasses that judge entries in order of time."""

    @property
    def name(self) -> str:
        """The class's name in snake_case."""
        return called(type(self))

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields, as JSON has them. Raises TypeError, Mistyped where that would not make the same checker again."""
        told: dict[str, Any] = plain(vars(self))
        if (again := typed(told, type(self))) != self:
            raise TypeError(f"{self} would come back from a history as {again}")
        return told

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        raise NotImplementedError

    def __call__(self, entries: Sequence[Entry], /) -> Verdict:
        """Judge the entries."""
        return replace(self.judge(timeline(entries)), checker=self.name)


def called(kind: type[Parametrised]) -> str:
    """Return the name of a checker with parameters: that of its class in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


@dataclass(frozen=True)
class Breach:
    """One broken promise: a clause with its numbers, the moment in seconds, the lines that show it."""

    text: str
    at: float | None = None
    lines: tuple[int, ...] = ()


def timeline(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries in order of time; entries of one moment stay in the order of recording."""
    return sorted(entries, key=lambda entry: entry.at)


def checker(judge: Callable[[Sequence[Entry]], Verdict]) -> Plain:
    """Make a checker of a function, named after it."""
    return Plain(judge)


def holds(reason: str) -> Verdict:
    """Return `valid`; the wrapper fills in the checker's name."""
    return Verdict("", "valid", reason)


def undecided(reason: str, *entries: Entry) -> Verdict:
    """Return `unknown`: the history does not show it."""
    return Verdict("", "unknown", reason, lines=tuple(entry.line for entry in entries))


def broken(breaches: Sequence[Breach]) -> Verdict:
    """Return `invalid`, naming the first few breaches; its moment is the earliest one's. `breaches` is not empty."""
    ordered = sorted(breaches, key=lambda breach: float("inf") if breach.at is None else breach.at)
    reason = "; ".join(breach.text for breach in ordered[:_NAMED])
    if len(ordered) > _NAMED:
        reason += f"; and {len(ordered) - _NAMED} more"
    lines = {line: None for breach in ordered for line in breach.lines}
    return Verdict("", "invalid", reason, ordered[0].at, tuple(lines))


def decide(breaches: Sequence[Breach], doubts: Sequence[str], otherwise: str) -> Verdict:
    """Return invalid if there is a breach, else unknown if there is a doubt, else valid with `otherwise`."""
    if breaches:
        return broken(breaches)
    if doubts:
        rest = f"; and {len(doubts) - _NAMED} more" if len(doubts) > _NAMED else ""
        return undecided("; ".join(doubts[:_NAMED]) + rest)
    return holds(otherwise)


def worst(verdicts: Iterable[Verdict]) -> Valid:
    """Return the worst verdict: invalid, then unknown, then valid; unknown if there is none at all."""
    return max((verdict.valid for verdict in verdicts), key=_RANK.__getitem__, default="unknown")
