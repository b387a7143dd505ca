"""What a cluster manager owes: it fences before it promotes, and does neither without cause."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, phases, promotions
from colo_harness.judge.operations import ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide, undecided


@checker
def fenced_before_promoted(entries: Sequence[Entry]) -> Verdict:
    """No side carries on alone before the other host is off; the reason says how long each step took.

    That a host is off ("fenced") is the word of its power switch, not of the manager.
    """
    begun = phases(entries, "failover")
    breaches = []
    for failover in begun:
        host = failover.data.get("host")
        fenced = [entry for entry in phases(entries, "fenced") if entry.who != host and entry.at <= failover.at]
        if not fenced:
            text = f"{host} was promoted though the power switch of its peer had not done anything"
            breaches.append(Breach(text, failover.at, (failover.line,)))
    refused = phases(entries, "unfenced")
    doubts = [] if begun or refused else ["nobody was promoted, and no fencing failed"]
    return decide(
        breaches, doubts, "; ".join(_courses(entries)) or f"fencing failed {len(refused)} times, nobody promoted"
    )


def _courses(entries: Sequence[Entry]) -> Iterator[str]:
    """Tell of each failover what took how long, in seconds."""
    for promoted in promotions(entries):
        host = promoted.data.get("host")
        losses = [fault.began for fault in faults(entries) if fault.began is not None and fault.began <= promoted.at]
        before = [entry for entry in entries if entry.kind == "phase" and entry.at <= promoted.at]
        detected = [entry.at for entry in before if entry.what == "detected" and entry.who == host]
        fenced = [entry.at for entry in before if entry.what == "fenced" and entry.who != host]
        if not (losses and detected and fenced):
            continue
        answers = [
            op.completed - op.invoked
            for op in ledger(entries).streams
            if op.acknowledged and op.invoked <= promoted.at and op.completed >= losses[-1]
        ]
        steps = {
            "detected": detected[0] - losses[-1],
            "fenced": fenced[-1] - detected[0],
            "promoted": promoted.at - fenced[-1],
            "the longest answer took": max(answers, default=0.0),
        }
        yield f"{host}: " + ", ".join(f"{what} {seconds:.3f} s" for what, seconds in steps.items())


@dataclass(frozen=True)
class GaveUp(Parametrised):
    """Of the two hosts `host` was the first to give its peer up, and for this reason."""

    host: str
    reason: str

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        alarms = phases(entries, "detected")
        if not alarms:
            return undecided("nobody gave its peer up")
        first, reason = alarms[0], alarms[0].data.get("reason")
        right = (first.who, reason) == (self.host, self.reason)
        breaches = [] if right else [Breach(f"{first.who} was the first: {reason}", first.at, (first.line,))]
        return decide(breaches, [], f"{self.host} was the first, at {first.at:.3f} s: {reason}")


@dataclass(frozen=True)
class NoFalseAlarm(Parametrised):
    """While both sides live the heartbeat of neither host gives its peer up, though it heard `at_least` beats."""

    at_least: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        alarms = phases(entries, "detected")
        breaches = [
            Breach(f"{one.who} took its peer for lost: {one.data.get('reason')}", one.at, (one.line,)) for one in alarms
        ]
        told = {entry.who: entry.data for entry in entries if (entry.kind, entry.what) == ("observe", "heartbeat")}
        doubts = [] if len(told) > 1 else [f"{len(told)} hosts told what they have heard"]
        doubts += [
            f"{host} heard {data.get('beats')} beats"
            for host, data in told.items()
            if data.get("beats", 0) < self.at_least
        ]
        heard = (
            f"{host} heard {data.get('beats')} beats and missed {data.get('most_missed')} in a row,"
            f" {data.get('longest_s')} s at most between two"
            for host, data in told.items()
        )
        return decide(breaches, doubts, "; ".join(heard))
