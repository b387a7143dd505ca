"""The pace of checkpoints: the delay is honoured, and equal answers force none.

The watched stretch lies between the phases "watch" and "watched" (who "pair", data `label`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, forced, messages, pauses
from colo_harness.judge.moments import Window, phases, window
from colo_harness.judge.operations import ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

Reason = tuple[float, float]
"""From when to when, in seconds, something asks for a checkpoint out of turn."""


def _begun(entries: Sequence[Entry], host: str) -> list[Checkpoint]:
    """Return the stops of `host`, each from when it asked for its checkpoint, where that was traced.

    The stop comes only when the peer has answered, which takes as long as the peer's machine likes.
    """
    asked = [message for message in messages(entries, host) if message.name == "checkpoint-request"]
    found, since = [], 0.0
    for stop in pauses(entries, host):
        start = next((message.at for message in asked if since <= message.at <= stop.start), stop.start)
        found.append(Checkpoint(start, stop.end, stop.lines))
        since = stop.start
    return found


def _reasons(entries: Sequence[Entry], found: Sequence[Checkpoint]) -> list[Reason]:
    """Return how long answers with a difference waited, and a test's asking for a checkpoint until that came."""
    asked = [entry.at for entry in phases(entries, "checkpoint")]
    came = [next((one.start for one in found if one.start >= at), float("inf")) for at in asked]
    return [*zip(asked, came, strict=True), *((op.invoked, op.completed) for op in ledger(entries).ops if op.diverges)]


def _forced(reasons: Sequence[Reason], checkpoint: Checkpoint) -> bool:
    return any(since <= checkpoint.start <= until for since, until in reasons)


@dataclass(frozen=True)
class DelayHonoured(Parametrised):
    """Checkpoints of the primary `host` start `delay_s` after one another, for `periods` gaps at least.

    A gap may be `tolerance_s` shorter, and as much longer as the checkpoint before it lasted plus `late_s`; the
    median of the gaps may be off by `drift_s` (None: by anything), because a machine that stutters makes one gap long
    and the next short. One that an answer with a difference, or the phase "checkpoint", forced may come earlier. All
    in seconds.
    """

    delay_s: float
    periods: int = 3
    tolerance_s: float = 0.1
    late_s: float = 1.0
    drift_s: float | None = None
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        if watched is None:
            return undecided(f'no watched stretch "{self.label}"')
        found = [one for one in _begun(entries, self.host) if one.start in watched]
        reasons = _reasons(entries, found)
        breaches = [*self._early(found, reasons), *self._late(found, watched), *self._drifting(found, reasons)]
        gaps = max(len(found) - 1, 0)
        doubts = []
        if gaps < self.periods and not breaches:
            text = f"{gaps} periods in {watched.end - watched.start:.3f} s, {self.periods} are due"
            if watched.end - watched.start >= (self.periods + 1) * self.delay_s:
                breaches.append(Breach(text, watched.end))
            else:
                doubts.append(f"{text}, but the stretch is too short for them")
        return decide(breaches, doubts, f"{gaps} periods of {self.delay_s:g} s")

    def _early(self, found: Sequence[Checkpoint], reasons: Sequence[Reason]) -> Iterator[Breach]:
        for earlier, later in pairwise(found):
            gap = later.start - earlier.start
            if gap < self.delay_s - self.tolerance_s and not _forced(reasons, later):
                text = f"a checkpoint {gap:.3f} s after the one at {earlier.start:.3f} s, {self.delay_s:g} s are due"
                yield Breach(text, later.start, earlier.lines + later.lines)

    def _drifting(self, found: Sequence[Checkpoint], reasons: Sequence[Reason]) -> Iterator[Breach]:
        unforced = [(earlier, later) for earlier, later in pairwise(found) if not _forced(reasons, later)]
        if unforced and self.drift_s is not None:
            usual = median(later.start - earlier.start for earlier, later in unforced)
            if abs(usual - self.delay_s) > self.drift_s:
                lines = tuple(line for _, later in unforced for line in later.lines)
                text = f"checkpoints come {usual:.3f} s apart, {self.delay_s:g} s are due"
                yield Breach(text, unforced[-1][1].start, lines)

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
class NewDelayInForce(Parametrised):
    """After each phase "delay" a checkpoint of the primary `host` comes at once, and then one every new delay.

    "At once" is within `at_once_s`, in which another one that was due already may come, but no third where the new
    delay is longer. From the last checkpoint in that time on, for `periods` gaps at least, a gap may
    be `tolerance_s` shorter than the new delay, and as much longer as the checkpoint before lasted plus `late_s`.
    All in seconds. The last watched stretch ends the last delay's time.
    """

    periods: int = 2
    at_once_s: float = 1.0
    tolerance_s: float = 0.4
    late_s: float = 1.0
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched, changes = window(entries, self.label), phases(entries, "delay")
        if watched is None or not changes:
            return undecided(f'no change of the delay, or no watched stretch "{self.label}"')
        breaches: list[Breach] = []
        doubts: list[str] = []
        ends = [*(change.at for change in changes[1:]), watched.end]
        for change, end in zip(changes, ends, strict=True):
            found = [one for one in _begun(entries, self.host) if change.at <= one.start <= end]
            at_once = [one for one in found if one.start <= change.at + self.at_once_s]
            delay_s = float(change.data["delay_s"])
            if not at_once:
                text = f"no checkpoint within {self.at_once_s:g} s of the new delay of {delay_s:g} s"
                breaches.append(Breach(text, change.at, (change.line,)))
                continue
            held = found[max(len(at_once) - 1, 0) :] if delay_s < self.at_once_s else found[min(len(at_once), 2) - 1 :]
            breaches += self._breaches(held, delay_s, end)
            if len(held) <= self.periods:
                doubts.append(f"{len(held) - 1} periods of {delay_s:g} s, {self.periods} are due")
        return decide(breaches, doubts, f"{len(changes)} new delays, each at once in force")

    def _breaches(self, held: Sequence[Checkpoint], delay_s: float, end: float) -> Iterator[Breach]:
        for earlier, later in pairwise([*held, Checkpoint(end, None)]):
            gap = later.start - earlier.start
            early = gap < delay_s - self.tolerance_s and later.lines
            if early or gap > delay_s + earlier.duration + self.late_s:
                told = "a" if later.lines else "still no"
                text = f"{told} checkpoint {gap:.3f} s after the one before, {delay_s:g} s is the new delay"
                yield Breach(text, later.start, earlier.lines + later.lines)


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
            text = f"{len(early)} forced checkpoints over {answers} answers that are alike, {self.most} allowed"
            breaches.append(Breach(text, early[self.most].start, lines))
        doubts = [] if answers else ["nothing was answered in the stretch"]
        doubts += [] if found else [f"{self.host} made no checkpoint at all"]
        return decide(breaches, doubts, f"{answers} answers, {len(early)} forced checkpoints")
