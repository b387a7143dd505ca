"""Entering COLO: the documented states, in their order, on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import phases
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

PASSING = {"pre-switchover"}
"""States that a capability adds (qapi/migration.json, MigrationStatus)."""
ENTRY = {"primary": ("setup", "active", "device", "colo"), "secondary": ("active", "colo")}
"""States of `query-migrate` on the way into COLO: migration/migration.c, migration/colo.c."""
OPTIONAL = {"primary": {"setup", "device"}, "secondary": {"setup", "device"}}
"""States that a release may pass through or not: `device` is new with 10.0 on this path."""


@dataclass(frozen=True)
class ColoEntered(Parametrised):
    """Both sides went through the documented migration states, in order, and ended in `colo`."""

    primary: str = "host_a"
    secondary: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        breaches = [
            Breach(str(refused.data.get("reason")), refused.at, (refused.line,))
            for refused in phases(entries, "refused")
        ]
        doubts = [] if breaches or phases(entries, "replicating") else ["no start was tried to its end"]
        for host, role in ((self.primary, "primary"), (self.secondary, "secondary")):
            states = [e for e in entries if e.kind == "event" and e.who == host and e.what == "MIGRATION"]
            went = [str(entry.data.get("status")) for entry in states]
            if not went:
                doubts.append(f"no migration state of {host} was heard")
            elif not _documented(went, role):
                path = ", ".join(went)
                text = f"{host} went through {path}, not {', '.join(ENTRY[role])}"
                breaches.append(Breach(text, states[-1].at, tuple(entry.line for entry in states)))
        return decide(breaches, doubts, "both sides went through the documented states into colo")


@dataclass(frozen=True)
class StartRefused(Parametrised):
    """The pair was not started, and what was said of it has `words`."""

    words: str

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        refused = phases(entries, "refused")
        breaches = [
            Breach(f"refused, but for: {entry.data.get('reason')}", entry.at, (entry.line,))
            for entry in refused
            if self.words not in str(entry.data.get("reason"))
        ]
        breaches += [Breach("the pair replicates", one.at, (one.line,)) for one in phases(entries, "replicating")]
        doubts = [] if refused or breaches else ["no start was tried to its end"]
        return decide(breaches, doubts, f"refused: {self.words}")


@dataclass(frozen=True)
class FailedOnBoth(Parametrised):
    """On each host the migration into COLO came to `failed`, so that neither side takes it for done."""

    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        breaches: list[Breach] = []
        doubts: list[str] = []
        for host in self.hosts:
            states = [e for e in entries if e.kind == "event" and e.who == host and e.what == "MIGRATION"]
            went = [str(entry.data.get("status")) for entry in states]
            if not went:
                doubts.append(f"no migration state of {host} was heard")
            elif went[-1] != "failed":
                text = f"{host} went through {', '.join(went)}, and did not fail"
                breaches.append(Breach(text, states[-1].at, tuple(entry.line for entry in states)))
        return decide(breaches, doubts, f"the migration failed on {' and '.join(self.hosts)}")


def _documented(went: Sequence[str], role: str) -> bool:
    """Tell whether the states up to the first `colo` are those of the document, optional ones left out or not."""
    entered = [*went[: went.index("colo") + 1]] if "colo" in went else list(went)
    needed = [state for state in ENTRY[role] if state not in OPTIONAL[role]]
    known = [state for state in entered if state not in PASSING | OPTIONAL[role]]
    order = [state for state in entered if state in ENTRY[role]]
    return known == needed and order == sorted(order, key=ENTRY[role].index)
