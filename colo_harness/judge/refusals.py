"""Refusals: what QEMU says to objects that it does not make, and to commands that it does not carry out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide


@dataclass(frozen=True)
class Refused(Parametrised):
    """Each object that was asked for was refused, in the order of asking with these words (regular expressions)."""

    words: tuple[str, ...]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        asked = [entry for entry in entries if entry.kind == "observe" and entry.what == "object-add"]
        breaches = [
            Breach(_fault(entry, words), entry.at, (entry.line,))
            for entry, words in zip(asked, self.words, strict=False)
            if not re.search(words, entry.data.get("value") or "")
        ]
        doubts = (
            [] if len(asked) == len(self.words) else [f"{len(asked)} objects were asked for, not {len(self.words)}"]
        )
        return decide(breaches, doubts, f"{len(asked)} objects refused, each as it should be")


@dataclass(frozen=True)
class EachRefused(Parametrised):
    """`command` was given `times` times, to whichever side, and refused each time with `text` in the answer."""

    command: str
    text: str
    times: int = 1

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        asked = [entry for entry in entries if entry.data.get("command") == self.command]
        breaches = [
            Breach(
                f"{one.who}: {self.command} was {one.what}: {one.data['value']}, not: {self.text}", one.at, (one.line,)
            )
            for one in asked
            if one.what != "refused" or self.text not in str(one.data["value"])
        ]
        doubts = [f"{self.command} was given {len(asked)} times, not {self.times}"] if len(asked) != self.times else []
        return decide(breaches, doubts, f"{self.command} was refused {len(asked)} times: {self.text}")


def _fault(entry: Entry, words: str) -> str:
    said = entry.data.get("value")
    asked = f"an object with {entry.data['moment']}"
    return f"{asked} was refused with {said!r}, not {words!r}" if said else f"{asked} was made"
