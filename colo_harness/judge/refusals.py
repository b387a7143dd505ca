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
    """Each time that `command` was given, to whichever side, it was refused with the next of `texts`."""

    command: str
    texts: tuple[str, ...]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        asked = [entry for entry in entries if entry.data.get("command") == self.command]
        breaches = [
            Breach(_deed(one, text), one.at, (one.line,))
            for one, text in zip(asked, self.texts, strict=False)
            if one.what != "refused" or text not in str(one.data["value"])
        ]
        right = len(asked) == len(self.texts)
        doubts = [] if right else [f"{self.command} was given {len(asked)} times, not {len(self.texts)}"]
        told = "; ".join(dict.fromkeys(self.texts))
        return decide(breaches, doubts, f"{self.command} was refused {len(asked)} times: {told}")


def _deed(entry: Entry, text: str) -> str:
    said = f"refused: {entry.data['value']}" if entry.what == "refused" else entry.what
    due = repr(text) if text else "whatever the reason"
    return f"{entry.who}: {entry.data['command']} was {said}, not refused with {due}"


def _fault(entry: Entry, words: str) -> str:
    said = entry.data.get("value")
    asked = f"an object with {entry.data['moment']}"
    return f"{asked} was refused with {said!r}, not {words!r}" if said else f"{asked} was made"
