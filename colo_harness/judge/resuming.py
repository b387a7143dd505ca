"""Resuming: a pair that replicates again after a failover, and whose disks are alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import faults, phases
from colo_harness.judge.operations import ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

NEVER = float("inf")


@dataclass(frozen=True)
class ReplicatedAgain(Parametrised):
    """Replication was resumed `turns` times; each time, until the next loss, both hosts made whole checkpoints.

    Between a resume and the next loss clients were answered, or the run proves nothing.
    """

    turns: int
    checkpoints: int = 2
    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        begun = phases(entries, "resume")
        breaches: list[Breach] = []
        doubts: list[str] = []
        for turn, entry in enumerate(begun, start=1):
            start, end = _stretch(entries, entry)
            if start == NEVER:
                doubts.append(f"turn {turn} was not carried to its end")
                continue
            breaches += self._of(turn, entries, start, end)
            if not any(op.acknowledged and start <= op.completed <= end for op in ledger(entries).ops):
                doubts.append(f"turn {turn}: no client was answered after {start:.3f} s")
        if len(begun) < self.turns:
            doubts.append(f"replication was resumed {len(begun)} times, {self.turns} are due")
        return decide(breaches, doubts, f"{len(begun)} times, each with {self.checkpoints} checkpoints or more")

    def _of(self, turn: int, entries: Sequence[Entry], start: float, end: float) -> Iterator[Breach]:
        for host in self.hosts:
            made = [
                one for one in pauses(entries, host) if start <= one.start and one.end is not None and one.end <= end
            ]
            if len(made) < self.checkpoints:
                until = min(end, entries[-1].at)
                text = f"turn {turn}: {host} made {len(made)} checkpoints in {until - start:.1f} s"
                lines = tuple(entry.line for entry in phases(entries, "replicating") if entry.at == start)
                yield Breach(f"{text}, {self.checkpoints} are due", until, lines)


def _stretch(entries: Sequence[Entry], resume: Entry) -> tuple[float, float]:
    """Return from when to when, in seconds, the pair replicated that was resumed here; for ever where nothing tells."""
    ends = [fault.began for fault in faults(entries) if fault.began is not None and fault.began >= resume.at]
    end = min(ends, default=NEVER)
    starts = [entry.at for entry in phases(entries, "replicating") if resume.at <= entry.at <= end]
    return min(starts, default=NEVER), end


@dataclass(frozen=True)
class DisksEqual(Parametrised):
    """Both sides' disks, compared `times` times after a resync, held the same."""

    times: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        compared = [entry for entry in entries if (entry.kind, entry.what) == ("observe", "disks")]
        breaches = [
            Breach(
                f"{entry.data['moment']}: the disks differ at byte {entry.data['differs_at']}", entry.at, (entry.line,)
            )
            for entry in compared
            if entry.data["differs_at"] is not None
        ]
        resumed = len(phases(entries, "resume"))
        doubts = (
            [] if len(compared) >= self.times else [f"the disks were compared {len(compared)} times, not {self.times}"]
        )
        doubts += [] if resumed else ["replication was not resumed"]
        return decide(breaches, doubts, f"{len(compared)} times, the disks held the same")
