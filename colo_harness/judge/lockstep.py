"""Lock-step: an answer that differs forces a checkpoint, is then delivered, and nothing follows of itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, Message, forced, messages, pauses
from colo_harness.judge.moments import window
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

_SKEW = 0.02  # seconds between the clocks of clients, events and traces
_EARLY = 0.002  # seconds by which an answer may seem to come before the commit: a client records it after it came


def _divergent(entries: Sequence[Entry], label: str, what: str = "") -> list[Op]:
    """Return the operations that ask for a difference or are called `what`, in the watched stretch if there is one."""
    watched = window(entries, label)
    ops = [op for op in ledger(entries).ops if op.diverges or op.what == what]
    return [op for op in ops if watched is None or op.invoked in watched]


@dataclass(frozen=True)
class DivergenceForces(Parametrised):
    """Each answer that differs waits for a checkpoint of the primary `host` and then shows only the primary's byte.

    The answer is released by the commit, VMSTATE_RECEIVED, some time before the primary resumes (migration/colo.c,
    colo_do_checkpoint_transaction): where traced, the commit must precede the answer. Besides those that were asked
    to differ, the answers to each operation `what` are held to do so; these need not tell the side.
    """

    what: str = ""
    side: str = "A"
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        ops = _divergent(entries, self.label, self.what)
        stops = pauses(entries, self.host)
        commits = [
            message
            for message in messages(entries, self.host)
            if (message.direction, message.name) == ("receive", "vmstate-received")
        ]
        breaches = [breach for op in ops for breach in self._breaches(op, stops, commits)]
        doubts = [] if ops else ["nothing that differs was asked for"]
        doubts += [f"{op} has no end" for op in ops if op.outcome is None]
        doubts += [
            f"{op} does not say which side answered"
            for op in ops
            if op.diverges and op.outcome == "ok" and not _side(op)
        ]
        return decide(breaches, doubts, f"{len(ops)} differing answers, each behind a checkpoint")

    def _breaches(self, op: Op, stops: Sequence[Checkpoint], commits: Sequence[Message]) -> Iterator[Breach]:
        if op.outcome in ("fail", "info"):
            yield Breach(f"{op} was not answered: {op.answer}", op.ended, op.lines)
        if op.outcome != "ok" or op.ended is None:
            return
        begun = [stop for stop in stops if op.invoked - _SKEW <= stop.start <= op.ended + _EARLY]
        if not begun:
            yield Breach(f"{op} was answered without a checkpoint", op.ended, op.lines)
        elif commits and not any(begun[0].start <= commit.at <= op.ended + _EARLY for commit in commits):
            lines = op.lines + begun[0].lines
            yield Breach(f"{op} was answered before its checkpoint was committed", op.ended, lines)
        if _side(op) not in ("", self.side):
            yield Breach(f"{op} shows side {_side(op)}, not {self.side}", op.ended, op.lines)


def _side(op: Op) -> str:
    return str(op.answer.get("side") or "")


@dataclass(frozen=True)
class QuietAfterDivergence(Parametrised):
    """After a differing answer was delivered, no checkpoint comes until the next is asked for, but those that are due.

    A checkpoint is due `delay_s` after the one before, less `tolerance_s`; seconds. `delay_s` is by default
    what the phase "watch" says.
    """

    delay_s: float | None = None
    tolerance_s: float = 0.1
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        ops = _divergent(entries, self.label)
        watched = window(entries, self.label)
        delay_s = watched.delay_s if watched and self.delay_s is None else self.delay_s
        if delay_s is None:
            return undecided("the history does not say which delay was set")
        end = watched.end if watched else max((entry.at for entry in entries), default=0.0)
        early = forced(pauses(entries, self.host), delay_s, self.tolerance_s)
        breaches, quiet = [], 0.0
        for op, until in pairwise([*ops, None]):
            bound = end if until is None else until.invoked
            if op is None or op.ended is None or op.outcome != "ok" or op.ended >= bound:
                continue
            quiet += bound - op.ended
            breaches += [
                Breach(f"a checkpoint {stop.start - op.ended:.3f} s after {op} was answered", stop.start, stop.lines)
                for stop in early
                if op.ended + _SKEW < stop.start < bound - _SKEW
            ]
        doubts = [] if quiet else ["no quiet stretch follows a differing answer"]
        return decide(breaches, doubts, f"{quiet:.3f} s without a forced checkpoint")


@dataclass(frozen=True)
class SilenceBounded(Parametrised):
    """No answer of this kind, None for all, takes longer than `limit_s` seconds; `who` narrows it to one session.

    Only what was asked in the watched stretch counts, if there is one. Unless `held` answers took `held_s` seconds or
    more, the run does not show that anything was held.
    """

    limit_s: float
    what: str | None = "echo"
    who: str | None = None
    label: str = ""
    held_s: float = 0.0
    held: int = 1

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        ops = [
            op
            for op in ledger(entries).ops
            if self.what in (None, op.what)
            and self.who in (None, op.who)
            and (watched is None or op.invoked in watched)
        ]
        breaches, doubts, longest, held = [], [], 0.0, 0
        for op in ops:
            took = (entries[-1].at if op.ended is None else op.ended) - op.invoked
            if took > self.limit_s:
                breaches.append(Breach(f"{op} took {took:.3f} s, {self.limit_s:g} s allowed", op.ended, op.lines))
            elif op.outcome in ("fail", "info"):
                breaches.append(Breach(f"{op} was not answered: {op.answer}", op.ended, op.lines))
            elif op.outcome is None:
                doubts.append(f"{op} has no end")
            longest, held = max(longest, took), held + (took >= self.held_s)
        if not ops:
            doubts.append(f"no {self.what or 'operation'} was asked")
        elif held < self.held:
            doubts.append(f"{held} answers were held for {self.held_s:g} s, {self.held} should have been")
        return decide(breaches, doubts, f"{len(ops)} answers, the slowest took {longest:.3f} s")
