"""An explanation: why a pair took each of its checkpoints, by what can be seen from outside QEMU.

Its history tells when checkpoints were asked for, and the frames of both guests what colo-compare had to say of them.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import messages, pauses
from colo_harness.judge.moments import Window
from colo_harness.judge.packets import Ear, Flow, Heard
from colo_harness.judge.replica import Dispute, Quarrel, Replica, Side
from colo_harness.judge.verdict import timeline

Reason = Literal["due", "asked", "timeout", "unexplained"] | Quarrel
FORCED = ("payload", "size", "order", "segmentation", "acknowledgement", "timeout")
"""Reasons that lie in what the guests sent."""
UNDER_WAY = 3
"""Frames that may be between the streams when the watch begins or ends."""
_SIDES: dict[Ear, Side] = {"primary_in": "primary", "secondary_in": "secondary"}
_EARLY = 0.1
"""Seconds by which a checkpoint that was due may come too early: QEMU counts from when it decided on the one before."""


Suits = Literal["well", "fairly", "badly", "unknown"]
SELDOM_S = 10.0
"""Seconds between forced checkpoints, on average, above which a workload still suits COLO fairly."""


@dataclass(frozen=True)
class Cause:
    """Why one checkpoint was taken, which was asked for at `at` seconds.

    `offset`, `primary` and `secondary` are as of a Dispute. After a time-out `side` is the one whose frame had
    """

    at: float
    reason: Reason
    flow: Flow | None = None
    offset: int | None = None
    primary: int | None = None
    secondary: int | None = None
    side: Side | None = None
    since: float | None = None
    again: bool = False
    line: int = 0
    """Of the history: where the checkpoint was asked for."""

    @property
    def forced(self) -> bool:
        """Whether the workload brought it about."""
        return self.reason in FORCED


@dataclass(frozen=True)
class Group:
    """Checkpoints of one reason that one service brought about, in order."""

    reason: str
    service: str
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Explanation:
    """What was seen between `start` and `end`, in seconds; counts are of frames that the primary's guest sent."""

    start: float
    end: float
    causes: tuple[Cause, ...]
    passed: int
    """Let go without a checkpoint."""
    held: int
    """Let go by a checkpoint."""
    waiting: int
    """Neither, when the end came."""
    out: int
    """Seen to go out: as many as were let go, if colo-compare decides as is supposed here."""

    @property
    def forced(self) -> list[Cause]:
        """The checkpoints that the workload brought about."""
        return [cause for cause in self.causes if cause.forced]

    @property
    def longest(self) -> float:
        """The longest stretch without a forced checkpoint, in seconds."""
        times = [self.start, *(cause.at for cause in self.forced), self.end]
        return max(later - earlier for earlier, later in pairwise(times))

    @property
    def doubt(self) -> str:
        """Say so where colo-compare let go more or less than it should have by what is supposed here; else nothing."""
        expected = self.passed + self.held
        if abs(expected - self.out) <= UNDER_WAY:
            return ""
        return f"{self.out} frames were seen to go out where {expected} were expected: the reasons may be wrong"

    @property
    def suits(self) -> Suits:
        """How well the workload suits COLO: `well` without a forced checkpoint, `badly` with one every SELDOM_S."""
        if not self.forced:
            return "well" if self.passed + self.held + self.waiting else "unknown"
        return "badly" if (self.end - self.start) / len(self.forced) < SELDOM_S else "fairly"

    def groups(self) -> list[Group]:
        """Return the causes that are alike together, the most frequent first."""
        alike: dict[tuple[str, str], list[Cause]] = {}
        for cause in self.causes:
            alike.setdefault((cause.reason, cause.flow.service if cause.flow else ""), []).append(cause)
        found = [Group(reason, service, tuple(causes)) for (reason, service), causes in alike.items()]
        return sorted(found, key=lambda group: (not group.causes[0].forced, -len(group.causes)))


@dataclass(frozen=True)
class _Moment:
    """A trace or a phase that tells of a checkpoint."""

    at: float
    what: Literal["asked", "old", "request", "commit"]
    detail: str = ""
    line: int = 0


def explain(entries: Sequence[Entry], heard: Iterable[Heard], watched: Window, host: str = "host_a") -> Explanation:
    """Explain the checkpoints that the primary `host` took while it was watched; frames come in order of time."""
    moments = sorted(_moments(entries, host), key=lambda moment: moment.at)
    entered = next((stop.start for stop in pauses(entries, host)), float("-inf"))
    told = _Teller(watched, entered)
    events: Iterator[_Moment | Heard] = heapq.merge(moments, heard, key=lambda event: event.at)
    for event in events:
        if event.at > watched.end:
            break
        told.take(event)
    return told.explanation()


def recorded(entries: Sequence[Entry]) -> Iterator[Heard]:
    """Yield the frames of colo-compare's streams that a history has, in order of time."""
    ears: dict[str, Ear] = {name: name for name in get_args(Ear)}
    for entry in timeline(entries):
        if entry.kind == "frame" and entry.who in ears:
            yield Heard(entry.at, ears[entry.who], bytes.fromhex(entry.data["hex"]), entry.line)


class _Teller:
    """Goes through what happened, and keeps the first reason since the last checkpoint: that is what QEMU heeds."""

    def __init__(self, watched: Window, entered: float) -> None:
        self._watched = watched
        self._replica = Replica()
        self._causes: list[Cause] = []
        self._reason: Cause | None = None
        self._before = entered  # the first delay counts from the switch-over (migration/colo.c)
        self._out = 0
        self._counted = (0, 0, 0)

    def take(self, event: "_Moment | Heard") -> None:
        """Take in what happened next."""
        if not isinstance(event, _Moment):
            self._out += event.ear == "outdev"
            if side := _SIDES.get(event.ear):
                self._note(_of_dispute(self._replica.hear(event.at, side, event.frame)))
        elif event.what == "asked":
            self._note(Cause(event.at, "asked"))
        elif event.what == "old":
            self._note(self._of_timeout(event))
        elif event.what == "request":
            self._conclude(event.at, event.line)
        else:
            self._replica.flush()
            self._reason = None
        if event.at <= self._watched.start:
            self._counted = (self._replica.passed, self._replica.held, self._out)

    def explanation(self) -> Explanation:
        """Return what was found."""
        passed, held, out = self._counted
        return Explanation(
            self._watched.start,
            self._watched.end,
            tuple(cause for cause in self._causes if cause.at in self._watched),
            self._replica.passed - passed,
            self._replica.held - held,
            sum(one.side == "primary" for one in self._replica.waiting()),
            self._out - out,
        )

    def _note(self, cause: Cause | None) -> None:
        self._reason = self._reason or cause

    def _conclude(self, at: float, line: int) -> None:
        is_due = at - self._before >= (self._watched.delay_s or 0) - _EARLY
        reason = self._reason or Cause(at, "due" if is_due else "unexplained")
        self._causes.append(replace(reason, at=at, line=line))
        self._before = at

    def _of_timeout(self, moment: _Moment) -> Cause:
        """Find the frame that QEMU found too old by when it came, which both clocks tell to a millisecond or so."""
        born = float(moment.detail)
        waiting = list(self._replica.waiting())
        if not waiting:
            return Cause(moment.at, "timeout")
        oldest = min(waiting, key=lambda one: abs(one.at - born))
        again = self._replica.is_repeated(oldest)
        return Cause(moment.at, "timeout", oldest.packet.flow, side=oldest.side, since=oldest.at, again=again)


def _of_dispute(dispute: Dispute | None) -> Cause | None:
    if dispute is None:
        return None
    values = (dispute.offset, dispute.primary, dispute.secondary)
    return Cause(dispute.at, dispute.quarrel, dispute.flow, *values, again=dispute.again)


def _moments(entries: Sequence[Entry], host: str) -> Iterator[_Moment]:
    """Yield what the history tells of checkpoints, the frames' part aside."""
    for entry in entries:
        if entry.kind == "phase" and entry.what in ("checkpoint", "delay"):
            yield _Moment(entry.at, "asked")
        elif (entry.kind, entry.who, entry.what) == ("trace", host, "colo_old_packet_check_found"):
            yield _Moment(entry.at, "old", entry.data["message"])
    for message in messages(entries, host):
        if (message.direction, message.name) == ("send", "checkpoint-request"):
            yield _Moment(message.at, "request", line=message.line)
        elif (message.direction, message.name) == ("receive", "vmstate-received"):
            yield _Moment(message.at, "commit")
