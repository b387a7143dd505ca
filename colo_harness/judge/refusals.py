"""Refusals: what QEMU says to objects that it does not make."""

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


def _fault(entry: Entry, words: str) -> str:
    said = entry.data.get("value")
    asked = f"an object with {entry.data['moment']}"
    return f"{asked} was refused with {said!r}, not {words!r}" if said else f"{asked} was made"
