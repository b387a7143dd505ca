"""The work of QEMU in a scenario: the stretches in which one worked at what was waited for, by its own stamps.

Where QEMU tells when it was done, by an event or an answer, its moment counts, not the one at which we noticed. What is
left of a scenario is the harness's share: host commands, copies, network, polling, and time that we let pass.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from colo_harness.history import Entry

Part = Literal[
    "launch",  # from exec to the greeting of its monitor
    "restore",  # it loads the saved guest
    "entry",  # from `migrate` until both sides run in COLO
    "checkpoint",  # from asking for one until both sides run again
    "failover",  # from x-colo-lost-heartbeat until the survivor has left COLO
    "command",  # any other QMP command, until it is answered
    "harness",  # none of these, and no guest that could answer: from a loss to the promotion
    "session",  # the guest owes a client an answer
]
PARTS: tuple[Part, ...] = Part.__args__  # type: ignore[attr-defined]  # of what overlaps, the first counts
RESTORED = ("completed", "failed")


@dataclass(frozen=True)
class Span:
    """A stretch of work, in seconds of its history."""

    part: Part
    start: float
    end: float


@dataclass(frozen=True)
class Command:
    """A QMP command and its answer, in seconds of the history; `value` is what QEMU returned."""

    host: str
    name: str
    sent: float
    answered: float
    value: Any = None


def commands(host: str, transcript: Iterable[str]) -> Iterator[Command]:
    """Yield the answered commands of one monitor, from the lines of its transcript (qemu/monitor.py)."""
    sent: dict[str, tuple[str, float]] = {}
    for line in transcript:
        record = json.loads(line)
        message, at = record["message"], record["at"]
        name = message.get("execute", message.get("exec-oob"))
        number = message.get("id", "")  # the first, qmp_capabilities, has none
        if record["way"] == "to":
            sent[number] = (name, at)
        elif ("return" in message or "error" in message) and number in sent:
            command, begun = sent.pop(number)
            yield Command(host, command, begun, at, message.get("return"))


def read_commands(folder: Path) -> list[Command]:
    """Return the commands of every monitor of a scenario that left its transcripts in `folder`, in order of sending.

    A host's second QEMU has a folder of its own, host_a-2 (colo_harness/qemu/argv.py, Files).
    """
    found = [
        command
        for path in folder.glob("*/*.qmp.jsonl")
        for command in commands(path.parent.name.partition("-")[0], path.read_text(encoding="utf-8").splitlines())
    ]
    return sorted(found, key=lambda command: command.sent)


def spans(entries: Sequence[Entry], asked: Sequence[Command]) -> list[Span]:
    """Return all work that the history and the commands tell of; stretches may overlap."""
    return [
        *_launches(entries, asked),
        *_restores(asked),
        *_entries(entries, asked),
        *_checkpoints(entries),
        *_failovers(entries, asked),
        *(Span("command", command.sent, command.answered) for command in asked),
        *_outages(entries),
        *_sessions(entries),
    ]


def shares(found: Sequence[Span], start: float, end: float) -> dict[str, float]:
    """Divide the seconds from `start` to `end` among the parts: each moment goes to the first that has it."""
    clipped = [Span(one.part, max(one.start, start), min(one.end, end)) for one in found]
    clipped = [one for one in clipped if one.start < one.end]
    cuts = sorted({start, end, *(one.start for one in clipped), *(one.end for one in clipped)})
    divided: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    for left, right in pairwise(cuts):
        at_work = {one.part for one in clipped if one.start <= left and right <= one.end}
        divided[next((part for part in PARTS if part in at_work), "harness")] += right - left
    return divided


def _launches(entries: Sequence[Entry], asked: Sequence[Command]) -> Iterator[Span]:
    for entry in entries:
        if entry.kind == "phase" and entry.what == "exec":
            greeted = min((one.sent for one in asked if one.host == entry.who and one.sent > entry.at), default=None)
            if greeted is not None:
                yield Span("launch", entry.at, greeted)


def _restores(asked: Sequence[Command]) -> Iterator[Span]:
    """Yield the loading of saved guests: as far as the last answer that says it goes on."""
    for order in asked:
        if order.name == "migrate-incoming":
            answers = [one for one in asked if one.host == order.host and one.name == "query-migrate"]
            later = [one for one in answers if one.sent > order.sent]
            done = next(
                (place for place, one in enumerate(later) if (one.value or {}).get("status") in RESTORED), len(later)
            )
            yield Span("restore", order.sent, max((one.answered for one in later[:done]), default=order.answered))


def _entries(entries: Sequence[Entry], asked: Sequence[Command]) -> Iterator[Span]:
    for order in asked:
        if order.name == "migrate":
            reached = next((e.at for e in entries if _is(e, "phase", "replicating") and e.at > order.sent), None)
            events = [e.at for e in entries if e.kind == "event" and order.sent < e.at < (reached or order.sent)]
            yield Span("entry", order.sent, max(events, default=order.answered))


def _checkpoints(entries: Sequence[Entry]) -> Iterator[Span]:
    """Yield the checkpoints that were asked for, up to the RESUME of the later side, and the pauses of all others."""
    hosts = sorted({e.who for e in entries if e.kind == "event"})
    for asked in (e for e in entries if _is(e, "phase", "checkpoint")):
        resumed = [_next(entries, "RESUME", host, asked.at) for host in hosts]
        if resumed and None not in resumed:
            yield Span("checkpoint", asked.at, max(at for at in resumed if at is not None))
    for stop in (e for e in entries if _is(e, "event", "STOP")):
        if (resume := _next(entries, "RESUME", stop.who, stop.at)) is not None:
            yield Span("checkpoint", stop.at, resume)


def _failovers(entries: Sequence[Entry], asked: Sequence[Command]) -> Iterator[Span]:
    for order in asked:
        if order.name == "x-colo-lost-heartbeat":
            left = _next(entries, "COLO_EXIT", order.host, order.sent)
            yield Span("failover", order.sent, order.answered if left is None else left)


def _sessions(entries: Sequence[Entry]) -> Iterator[Span]:
    begun: dict[int, float] = {}
    for entry in (e for e in entries if e.kind == "op"):
        if entry.data["type"] == "invoke":
            begun[entry.data["op"]] = entry.at
        elif entry.data["op"] in begun:
            yield Span("session", begun.pop(entry.data["op"]), entry.at)


def _outages(entries: Sequence[Entry]) -> Iterator[Span]:
    for fault in (e for e in entries if e.kind == "fault" and e.data.get("type") == "inject"):
        promoted = (e.at for e in entries if _is(e, "phase", "promoted") and e.at > fault.at)
        yield Span("harness", fault.at, next(promoted, fault.at))


def _next(entries: Sequence[Entry], event: str, host: str, after: float) -> float | None:
    found = [e.at for e in entries if _is(e, "event", event) and e.who == host and e.at > after]
    return min(found, default=None)


def _is(entry: Entry, kind: str, what: str) -> bool:
    return entry.kind == kind and entry.what == what
