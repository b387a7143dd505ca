"""Judging again: the checkers that judged a recorded history, heard anew on the same lines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.history import Entry, Valid
from colo_harness.judge.judgement import ALWAYS, everyone, hear
from colo_harness.judge.register import form, make
from colo_harness.judge.verdict import Checker, Verdict, worst

NOT_WHOLE = "its test did not come to the end of its judgement: it failed before, or was cut off"


@dataclass(frozen=True)
class Hearing:
    """What a checker with these parameters says now, and what it said then, None if it was not heard then."""

    checker: str
    parameters: Mapping[str, Any]
    now: Verdict
    then: Verdict | None

    @property
    def differs(self) -> bool:
        """Whether it says something else than then: it was changed since, or the history was."""
        return self.then not in (None, self.now)


@dataclass(frozen=True)
class Rejudgement:
    """All hearings of one history; `doubt`, if there is one, says why they are not the whole judgement."""

    hearings: Sequence[Hearing]
    doubt: str = ""

    @property
    def valid(self) -> Valid:
        """The worst verdict now; a doubt is `unknown`."""
        doubts = [Verdict("", "unknown", self.doubt)] if self.doubt else []
        return worst([*(hearing.now for hearing in self.hearings), *doubts])


def again(entries: Sequence[Entry], asked: Sequence[Checker] = ()) -> Rejudgement:
    """Hear those checkers that judged the history then, or in their place those that are asked for; always-on ones too.

    Each hears the lines that were judged then, not what the end of the test added; all where nothing was judged.
    `entries` are those of a whole recording.
    """
    told = [entry for entry in entries if entry.kind == "check"]
    until = told[-1].data["until"] if told else len(entries) + 1
    if asked:
        then = {_key(one.what, one.data["parameters"]): _verdict(one) for one in told if one.data["until"] == until}
        hearings = [
            _hearing(one.name, one.parameters, entries[: until - 1], then.get(_key(one.name, one.parameters)))
            for one in everyone(*asked)
        ]
        return Rejudgement(hearings)
    hearings = [
        _hearing(one.what, one.data["parameters"], entries[: one.data["until"] - 1], _verdict(one)) for one in told
    ]
    unheard = [one for one in ALWAYS if one.name not in (entry.what for entry in told)]
    hearings += [_hearing(one.name, one.parameters, entries[: until - 1], None) for one in unheard]
    return Rejudgement(hearings, NOT_WHOLE if unheard else "")


def _hearing(name: str, parameters: Mapping[str, Any], entries: Sequence[Entry], then: Verdict | None) -> Hearing:
    try:
        checker = make(name, parameters)
    except UsageError as gone:
        told = f"{name} {json.dumps(parameters)}" if parameters else name
        return Hearing(told, parameters, Verdict(name, "unknown", f"cannot be heard again: {gone.problem}"), then)
    return Hearing(form(checker), parameters, hear(checker, entries), then)


def _key(name: str, parameters: Mapping[str, Any]) -> tuple[str, str]:
    return name, json.dumps(parameters, sort_keys=True)


def _verdict(check: Entry) -> Verdict:
    told = check.data
    return Verdict(check.what, told["verdict"], told["reason"], told["at"], tuple(told["lines"]))
