"""The pace of checkpoints: the delay is honoured, and equal answers force none.

The watched stretch lies between the phases "watch" and "watched" (who "pair", data `label`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, forced, pauses
from colo_harness.judge.moments import Window, window
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided


@dataclass(frozen=True)
class DelayHonoured(Parametrised):
    """Checkpoints of the primary `host` start `delay_s` after one another, for `periods` gaps at least.

    A gap may be `tolerance_s` shorter, and as much longer as the checkpoint before it lasted plus `late_s`.
    One that an answer with a difference forced may come earlier. All in seconds.
    """

    delay_s: float
    periods: int = 3
    tolerance_s: float = 0.1
    late_s: float = 1.0
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        if watched is None:
            return undecided(f'no watched stretch "{self.label}"')
        found = [one for one in pauses(entries, self.host) if one.start in watched]
        divergent = [op for op in ledger(entries).ops if op.diverges]
        breaches = [*self._early(found, divergent), *self._late(found, watched)]
        gaps = max(len(found) - 1, 0)
        doubts = []
        if gaps < self.periods and not breaches:
            text = f"{gaps} periods in {watched.end - watched.start:.3f} s, {self.periods} are due"
            if watched.end - watched.start >= (self.periods + 1) * self.delay_s:
                breaches.append(Breach(text, watched.end))
            else:
                doubts.append(f"{text}, but the stretch is too short for them")
        return decide(breaches, doubts, f"{gaps} periods of {self.delay_s:g} s")

    def _early(self, found: Sequence[Checkpoint], divergent: Sequence[Op]) -> Iterator[Breach]:
        for earlier, later in pairwise(found):
            gap = later.start - earlier.start
            excused = any(op.invoked <= later.start <= op.completed for op in divergent)
            if gap < self.delay_s - self.tolerance_s and not excused:
                text = f"a checkpoint {gap:.3f} s after the one before, {self.delay_s:g} s are due"
                yield Breach(text, later.start, earlier.lines + later.lines)

    def _late(self, found: Sequence[Checkpoint], watched: Window) -> Iterator[Breach]:
        """Yield the gaps that are too long, those at both ends of the stretch included."""
        before = Checkpoint(watched.start, None)
        after = Checkpoint(watched.end, None)
        for earlier, later in pairwise([before, *found, after]):
            gap = later.start - earlier.start
            if gap > self.delay_s + earlier.duration + self.late_s:
                text = f"no checkpoint for {gap:.3f} s, one is due every {self.delay_s:g} s"
                yield Breach(text, earlier.start + self.delay_s, earlier.lines + later.lines)


@dataclass(frozen=True)
class NoForcedCheckpoint(Parametrised):
    """While both sides answered alike, at most `most` checkpoints came earlier than the delay explains.

    `delay_s`, in seconds, is by default what the phase "watch" says.
    """

    most: int = 0
    delay_s: float | None = None
    tolerance_s: float = 0.1
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        if watched is None:
            return undecided(f'no watched stretch "{self.label}"')
        delay_s = watched.delay_s if self.delay_s is None else self.delay_s
        if delay_s is None:
            return undecided("the history does not say which delay was set")
        found = pauses(entries, self.host)
        early = [one for one in forced(found, delay_s, self.tolerance_s) if one.start in watched]
        answers = sum(op.acknowledged and op.completed in watched for op in ledger(entries).ops)
        breaches = []
        if len(early) > self.most:
            lines = tuple(line for one in early for line in one.lines)
            text = f"{len(early)} forced checkpoints over {answers} answers, {self.most} allowed"
            breaches.append(Breach(text, early[self.most].start, lines))
        doubts = [] if answers else ["nothing was answered in the stretch"]
        doubts += [] if found else [f"{self.host} made no checkpoint at all"]
        return decide(breaches, doubts, f"{answers} answers, {len(early)} forced checkpoints")
