"""Resuming: a pair that replicates again after a failover, and whose disks are alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import faults, phases
from colo_harness.judge.operations import ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, holds, undecided

NEVER = float("inf")


@dataclass(frozen=True)
class ReplicatedAgain(Parametrised):
    """Replication was resumed `turns` times; each time, until the next loss, both hosts ended checkpoints.

    The first one may have begun while the pair entered COLO. Between a resume and the next loss clients were answered,
    or the run proves nothing.
    """

    turns: int
    checkpoints: int = 2
    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        made = {host: [one for one in pauses(entries, host) if one.end is not None] for host in self.hosts}
        answered = [op.completed for op in ledger(entries).ops if op.acknowledged]
        breaches: list[Breach] = []
        doubts: list[str] = []
        turns = _stretches(entries)
        for turn, (start, end) in enumerate(turns, start=1):
            if start is None:
                doubts.append(f"turn {turn} was not carried to its end")
                continue
            for host, checkpoints in made.items():
                count = sum(start.at <= (one.end or NEVER) <= end for one in checkpoints)
                if count < self.checkpoints:
                    until = min(end, entries[-1].at)
                    text = f"turn {turn}: {host} made {count} checkpoints in {until - start.at:.1f} s"
                    breaches.append(Breach(f"{text}, {self.checkpoints} are due", until, (start.line,)))
            if not any(start.at <= at <= end for at in answered):
                doubts.append(f"turn {turn}: no client was answered after {start.at:.3f} s")
        if len(turns) < self.turns:
            doubts.append(f"replication was resumed {len(turns)} times, {self.turns} are due")
        return decide(breaches, doubts, f"{len(turns)} times, each with {self.checkpoints} checkpoints or more")


def _stretches(entries: Sequence[Entry]) -> list[tuple[Entry | None, float]]:
    """Return, for each resume, the entry from which on the pair replicated, if one tells, and until when (seconds)."""
    losses = [fault.began for fault in faults(entries) if fault.began is not None]
    found: list[tuple[Entry | None, float]] = []
    for resume in phases(entries, "resume"):
        end = min((at for at in losses if at >= resume.at), default=NEVER)
        entered = (entry for entry in phases(entries, "replicating") if resume.at <= entry.at <= end)
        found.append((next(entered, None), end))
    return found


@dataclass(frozen=True)
class DisksEqual(Parametrised):
    """Both sides' disks, compared `times` times after a resync, held the same."""

    times: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        compared = comparisons(entries)
        breaches = [*unlike(compared)]
        resumed = len(phases(entries, "resume"))
        doubts = (
            [] if len(compared) >= self.times else [f"the disks were compared {len(compared)} times, not {self.times}"]
        )
        doubts += [] if resumed else ["replication was not resumed"]
        return decide(breaches, doubts, f"{len(compared)} times, the disks held the same")


@dataclass(frozen=True)
class FellWhileResyncing(Parametrised):
    """The last fault bit after the copy of the disk was seen under way, and before it was; else it proves nothing."""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bitten = [fault for fault in faults(entries) if fault.bitten is not None and fault.inject is not None]
        if not bitten:
            return undecided("no fault is proven to have bitten")
        fault = bitten[-1]
        at = fault.inject or 0.0
        begun = [entry.at for entry in phases(entries, "resyncing") if entry.at <= at]
        over = [entry.at for entry in phases(entries, "resynced") if entry.at <= at]
        if not begun or (over and over[-1] > begun[-1]):
            return undecided(f"{fault.what} fell at {at:.3f} s, not in a resync")
        return holds(f"{fault.what} fell at {at:.3f} s, in a resync")


def comparisons(entries: Sequence[Entry]) -> list[Entry]:
    """Return what was observed each time that the disks of both sides were compared."""
    return [entry for entry in entries if (entry.kind, entry.what) == ("observe", "disks")]


def unlike(compared: Iterable[Entry]) -> Iterator[Breach]:
    """Yield each comparison that found a difference."""
    for entry in compared:
        if (byte := entry.data["differs_at"]) is not None:
            yield Breach(f"{entry.data['moment']}: the disks differ at byte {byte}", entry.at, (entry.line,))
