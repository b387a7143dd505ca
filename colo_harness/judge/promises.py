"""Promises: what a release was found to be and to do, entry by entry, beside what its contract says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide
from colo_harness.typed import plain


@dataclass(frozen=True)
class AsPromised(Parametrised):
    """All that is promised of this kind, by name, was looked at and found so."""

    kind: str
    promised: Mapping[str, object]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        found = [entry for entry in entries if entry.what == "found" and entry.data.get("of") == self.kind]
        breaches = [
            Breach(f"{name}: {entry.data['value']!r}, not {plain(self.promised[name])!r}", entry.at, (entry.line,))
            for entry in found
            if (name := entry.data["name"]) in self.promised and entry.data["value"] != plain(self.promised[name])
        ]
        missing = self.promised.keys() - {entry.data["name"] for entry in found}
        doubts = [f"{name} was not looked at" for name in sorted(missing)]
        return decide(breaches, doubts, f"{self.kind}: {len(self.promised)} of them, each as promised")
