"""What COLO says of itself: its states before, in and after, and its one exit event per side."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from colo_harness.history import Entry
from colo_harness.judge.moments import faults
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, holds, undecided


@dataclass(frozen=True)
class ColoExit(Parametrised):
    """Exactly one COLO_EXIT per end on each of these hosts, none elsewhere (qapi/migration.json, COLO_EXIT).

    `expected` maps host to (mode, allowed reasons); `ends` is how often the pair was ended.
    """

    expected: Mapping[str, tuple[str, AbstractSet[str]]]
    ends: int = 1

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        exits = [entry for entry in entries if entry.kind == "event" and entry.what == "COLO_EXIT"]
        heard = {entry.who for entry in entries if entry.kind == "event"}
        breaches = [
            Breach(f"{entry.who} is not expected to exit: {entry.data}", entry.at, (entry.line,))
            for entry in exits
            if entry.who not in self.expected
        ]
        for host, (mode, reasons) in self.expected.items():
            mine = [entry for entry in exits if entry.who == host]
            if host in heard and len(mine) != self.ends:
                lines = tuple(entry.line for entry in mine)
                at = mine[-1].at if mine else None
                breaches.append(Breach(f"{host} sent {len(mine)} COLO_EXIT, {self.ends} are due", at, lines))
            breaches += [
                Breach(
                    f"{host} exits with {entry.data}, not mode {mode} and reason {' or '.join(sorted(reasons))}",
                    entry.at,
                    (entry.line,),
                )
                for entry in mine
                if entry.data.get("mode") != mode or entry.data.get("reason") not in reasons
            ]
        doubts = [f"no event of {host} was heard" for host in self.expected if host not in heard]
        return decide(breaches, doubts, f"{len(exits)} COLO_EXIT, one per side and end")


@dataclass(frozen=True)
class LossTold(Parametrised):
    """`host` tells by a COLO_EXIT, at most `within_s` seconds after the last fault, that its peer is lost.

    Only for a side whose COLO thread was waiting for the peer: an idle primary learns of a loss when it next speaks.
    """

    host: str
    within_s: float

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bites = [fault.bitten for fault in faults(entries) if fault.bitten is not None]
        if not bites:
            return undecided("no fault is proven to have bitten")
        limit = bites[-1] + self.within_s
        told = [e for e in entries if (e.kind, e.who, e.what) == ("event", self.host, "COLO_EXIT")]
        if told and told[0].at <= limit:
            return holds(f"{self.host} told {told[0].at - bites[-1]:.3f} s after the loss")
        if not told and entries[-1].at <= limit:
            return undecided(f"the history ends {entries[-1].at - bites[-1]:.3f} s after the loss")
        when = f"{told[0].at - bites[-1]:.3f} s after the loss" if told else "never"
        lines = tuple(entry.line for entry in told[:1])
        return decide([Breach(f"{self.host} told {when}, {self.within_s:g} s allowed", limit, lines)], [], "")


@dataclass(frozen=True)
class StatesSeen(Parametrised):
    """What each host answered at each named moment is what the documents say.

    `expected` maps (host, question, moment) to the keys that matter of the answer, or to the whole answer if
    that is no object; a tuple of values stands for any one of them.
    """

    expected: Mapping[tuple[str, str, str], object]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        breaches, doubts = [], []
        for (host, question, moment), due in self.expected.items():
            seen = [
                entry
                for entry in entries
                if (entry.kind, entry.who, entry.what) == ("observe", host, question)
                and entry.data.get("moment") == moment
            ]
            if not seen:
                doubts.append(f"{host} was not asked {question} {moment}")
            for entry in seen:
                differences = "; ".join(_differences(entry.data.get("value"), due, ""))
                if differences:
                    text = f"{host}, {question} {moment}: {differences}"
                    breaches.append(Breach(text, entry.at, (entry.line,)))
        if not self.expected:
            doubts.append("no state was expected")
        return decide(breaches, doubts, f"{len(self.expected)} answers as documented")


def _differences(told: Any, due: object, path: str) -> Iterator[str]:
    if isinstance(due, Mapping):
        for key, value in due.items():
            inner = told.get(key) if isinstance(told, Mapping) else None
            yield from _differences(inner, value, f"{path}.{key}" if path else str(key))
    elif told not in (due if isinstance(due, tuple) else (due,)):
        name = f"{path} is " if path else ""
        yield f"{name}{told!r}, not {' or '.join(map(repr, due)) if isinstance(due, tuple) else repr(due)}"
