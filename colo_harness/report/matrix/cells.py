"""The cells: what the tests of one claim, on one QEMU, accelerator and guest, come to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Word = Literal["fails", "unknown", "known issue", "holds", "not applicable", "not run"]

WORDS: tuple[Word, ...] = Word.__args__  # type: ignore[attr-defined]  # the first of several tests' words wins
_OF_VERDICT: Mapping[str, Word] = {
    "invalid": "fails",
    "unknown": "unknown",
    "known": "known issue",
    "valid": "holds",
    "skipped": "not applicable",
}
_FINDING = re.compile(r"finding: docs/findings/([\w-]+)\.md")


@dataclass(frozen=True, order=True)
class Column:
    """Where claims were judged: a QEMU by the name that it was given, an accelerator, a guest."""

    qemu: str
    guest: str
    accel: str

    @property
    def told(self) -> str:
        """Return accelerator and guest in a phrase; claims that need no pair have neither."""
        return f"{self.guest}, {self.accel}" if self.guest else "no guest"


@dataclass(frozen=True)
class Cell:
    """The verdict of this run, the reason where there is one, and the tests that it comes from."""

    word: Word
    reason: str = ""
    tests: tuple[Mapping[str, Any], ...] = ()

    @property
    def issues(self) -> list[str]:
        """Return what is known of QEMU that its tests saw: tickets, and the names of findings' files."""
        return sorted({name for test in self.tests for name in _issues(test)})


@dataclass(frozen=True)
class Run:
    """What was judged of one QEMU: its version as it told it, tests as claims.json has them, and what broke."""

    qemu: str
    version: str
    tests: Sequence[Mapping[str, Any]]
    broken: Sequence[str]
    seconds: float

    def columns(self) -> list[Column]:
        """Return where its tests were to run; one that says nothing where there are none."""
        found = {Column(self.qemu, test["guest"], test["accel"] or "") for test in self.tests}
        return sorted(found, reverse=True) or [Column(self.qemu, "", "")]

    def cell(self, claim: str, column: Column) -> Cell:
        """Judge a claim there: its worst test decides; where some of its tests never ended, nothing is known."""
        at = (column.guest, column.accel)
        mine = tuple(t for t in self.tests if claim in t["claims"] and (t["guest"], t["accel"] or "") == at)
        if not mine:
            return Cell("not applicable", "no test of it runs there") if self.tests else Cell("not run", "nothing ran")
        if not any(test["ended"] for test in mine):
            return Cell("not run", "the run ended before", mine)
        word, test = min(((_word(test), test) for test in mine), key=lambda one: WORDS.index(one[0]))
        return Cell(word, str(test["reason"]), mine)


def _word(test: Mapping[str, Any]) -> Word:
    word = _OF_VERDICT.get(test["verdict"], "unknown") if test["ended"] else "unknown"
    return "known issue" if word == "fails" and test["expected"] else word


def _issues(test: Mapping[str, Any]) -> Iterator[str]:
    for one in filter(None, str(test["expected"]).partition(": regression ")[2].split("; ")):
        yield one.partition(", ")[0]
    if found := _FINDING.match(str(test["reason"])):
        yield found[1]


def rows(runs: Sequence[Run], known: Sequence[str]) -> list[str]:
    """Return the claims that any run was to test, in the order of `known`."""
    tested = {claim for run in runs for test in run.tests for claim in test["claims"]}
    return [claim for claim in known if claim in tested]


def as_json(runs: Sequence[Run], claims: Sequence[str]) -> dict[str, Any]:
    """Return the whole matrix as JSON values."""
    cells = [
        {
            "claim": claim,
            "qemu": run.qemu,
            "version": run.version,
            "guest": column.guest,
            "accel": column.accel,
            "word": (cell := run.cell(claim, column)).word,
            "reason": cell.reason,
            "issues": cell.issues,
            "tests": [test["id"] for test in cell.tests],
        }
        for claim in claims
        for run in runs
        for column in run.columns()
    ]
    told = [{"qemu": r.qemu, "version": r.version, "seconds": round(r.seconds, 1), "broken": [*r.broken]} for r in runs]
    return {"runs": told, "cells": cells}
