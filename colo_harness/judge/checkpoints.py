"""Checkpoints, as events and traces tell of them, and on which side of the commit a fault fell.

A checkpoint stops and resumes each side once; its messages are those of migration/colo.c:
primary sends checkpoint-request, receives checkpoint-reply, stops, sends vmstate-send and vmstate-size,
receives vmstate-received (the commit: held output is released), receives vmstate-loaded, resumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from colo_harness.history import Entry
from colo_harness.judge.moments import Injected, faults
from colo_harness.judge.verdict import Parametrised, Verdict, holds, timeline, undecided

Side = Literal["idle", "before", "after"]
Moment = Literal["idle", "before", "transfer", "after"]
Direction = Literal["send", "receive"]

_DIRECTIONS: dict[str, Direction] = {"colo_send_message": "send", "colo_receive_message": "receive"}


@dataclass(frozen=True)
class Checkpoint:
    """One STOP of a host and the RESUME that ended it, None if none did; seconds."""

    start: float
    end: float | None
    lines: tuple[int, ...] = ()

    @property
    def duration(self) -> float:
        """How long the host stood still, in seconds; 0 where no RESUME tells."""
        return 0.0 if self.end is None else self.end - self.start


@dataclass(frozen=True)
class Message:
    """A message of the checkpoint stream that a host sent or received, such as vmstate-received."""

    at: float
    direction: Direction
    name: str
    line: int = 0


def pauses(entries: Sequence[Entry], host: str) -> list[Checkpoint]:
    """Return the stops of `host` in order; the first one of a primary is the switch-over that enters COLO."""
    found: list[Checkpoint] = []
    for entry in timeline(entries):
        if entry.kind != "event" or entry.who != host:
            continue
        if entry.what == "STOP":
            found.append(Checkpoint(entry.at, None, (entry.line,)))
        elif entry.what == "RESUME" and found and found[-1].end is None:
            found[-1] = Checkpoint(found[-1].start, entry.at, (*found[-1].lines, entry.line))
    return found


def messages(entries: Sequence[Entry], host: str) -> list[Message]:
    """Return the checkpoint messages that `host` traced, in order."""
    return [
        Message(entry.at, _DIRECTIONS[entry.what], str(entry.data.get("message")), entry.line)
        for entry in timeline(entries)
        if entry.kind == "trace" and entry.who == host and entry.what in _DIRECTIONS
    ]


def forced(found: Sequence[Checkpoint], delay_s: float, tolerance_s: float) -> list[Checkpoint]:
    """Return the checkpoints that started earlier than `delay_s` (less `tolerance_s`) after the one before.

    The timer is set anew by every checkpoint (migration/colo.c, colo_checkpoint_notify_timer).
    """
    return [later for earlier, later in pairwise(found) if later.start < earlier.start + delay_s - tolerance_s]


def moment_of(entries: Sequence[Entry], at: float, host: str = "host_a") -> Moment | None:
    """Return what the primary `host` was doing at `at` seconds, None if the history does not tell.

    `transfer` is the part of "before the commit" in which the state travels, from vmstate-send on.
    """
    traced = messages(entries, host)
    steps: list[tuple[float, str]] = [(message.at, f"{message.direction} {message.name}") for message in traced]
    for stop in pauses(entries, host):
        steps.append((stop.start, "STOP"))
        steps += [] if stop.end is None else [(stop.end, "RESUME")]
    if not steps:
        return None
    now: Moment = "idle"
    for when, step in sorted(steps):
        if when > at:
            break
        if step == "send checkpoint-request" or (step == "STOP" and now == "idle"):
            now = "before"
        elif step == "send vmstate-send":
            now = "transfer"
        elif step == "receive vmstate-received":
            now = "after"
        elif step == "RESUME":
            now = "idle"
    return now if traced or now == "idle" else None


def side_of_commit(entries: Sequence[Entry], fault: int, host: str = "host_a") -> Side | None:
    """Return on which side of the commit, as the primary `host` saw it, fault number `fault` bit.

    None if the fault is not proven to have bitten or the history has no trace of it.
    """
    bitten = next((one.bitten for one in faults(timeline(entries)) if one.number == fault), None)
    moment = None if bitten is None else moment_of(entries, bitten, host)
    return "before" if moment == "transfer" else moment


@dataclass(frozen=True)
class FellAt(Parametrised):
    """The fault fell where the test wants it; else the run proves nothing about that moment.

    `fault` is the number of the fault, None for the last one that bit; `host` is the primary at that time. `begun`: the
    moment is that of its injection, since the victim sends more messages while it obeys.
    """

    moment: Moment
    fault: int | None = None
    host: str = "host_a"
    begun: bool = False

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bitten = [one for one in faults(entries) if one.bitten is not None and self.fault in (None, one.number)]
        if not bitten:
            return undecided("no fault is proven to have bitten")
        return self._placed(entries, bitten[-1])

    def _placed(self, entries: Sequence[Entry], fault: Injected) -> Verdict:
        at = (fault.began if self.begun else fault.bitten) or 0.0
        seen = moment_of(entries, at, self.host)
        if seen is None:
            return undecided(f"no trace of {self.host} tells where {fault.what} fell")
        if seen != self.moment and (seen, self.moment) != ("transfer", "before"):
            return undecided(f"{fault.what} fell at {at:.3f} s: {seen}, not {self.moment}")
        return holds(f"{fault.what} fell at {at:.3f} s: {seen}")
