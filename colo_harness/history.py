"""The history: everything that happened in one test, in order, on one clock.

One JSON object a line. The first is the `Header`, every other line is an `Entry`. Times are seconds of CLOCK_MONOTONIC
since the origin. `colo_harness/recording.py` reads it back; docs/history.md describes it.
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, Self, TextIO, TypedDict

from colo_harness.errors import WaitTimeout
from colo_harness.typed import typed

VERSION = 2
"""Of the format; 2: a verdict says with which parameters, and on which lines, it was reached."""

Kind = Literal[
    "op",  # a client's operation; data: op (int), type (invoke, ok, fail, info), its own keys
    "event",  # a QMP event; who: host, what: QEMU's event name, data: QEMU's event data
    "trace",  # a line of QEMU's own tracing; who: host, what: trace event name, data: message
    "fault",  # what: the fault's repr, data: type (inject | bitten | heal | healed), fault (int), allows
    "phase",  # a step of the procedure, such as replicating, failover, promoted; who: host or pair
    "observe",  # a state that was asked for; what: the question, data: value
    "stderr",  # a line that QEMU wrote; what: the line
    "console",  # a line of a guest's serial console; what: the line
    "frame",  # a frame seen on the service network, where a test asks for it, or at a port of a bench (proxy/port.py)
    "check",  # a verdict; what: a checker's name, data: verdict, reason, at, lines, parameters, until
]
Valid = Literal["valid", "invalid", "unknown"]


class OpData(TypedDict):
    """Of an `op`; with what was asked or answered."""

    op: int
    type: Literal["invoke", "ok", "fail", "info"]


class TraceData(TypedDict):
    """Of a `trace`."""

    message: str


class FaultData(TypedDict):
    """Of a `fault`; `allows` names symptoms, without a fault of its own where the type is `allow`."""

    type: Literal["inject", "bitten", "heal", "healed", "allow"]
    fault: NotRequired[int]
    allows: NotRequired[list[str]]


class PhaseData(TypedDict):
    """Of a `phase`; `label` tells watched stretches apart, `delay_s` is x-checkpoint-delay in seconds."""

    allows: NotRequired[list[str]]
    label: NotRequired[str]
    delay_s: NotRequired[float]


class CheckData(TypedDict):
    """Of a `check`: what the checker said, with which parameters, of the lines up to and with `until`.

    `at` is the moment of the violation in seconds, `lines` show it.
    """

    verdict: Valid
    reason: str
    at: float | None
    lines: list[int]
    parameters: dict[str, Any]
    until: int


DATA: dict[Kind, type] = {
    "op": OpData,
    "trace": TraceData,
    "fault": FaultData,
    "phase": PhaseData,
    "check": CheckData,
}
"""What the data of an entry must have, by kind; it may have more. The data of the other kinds is free."""


@dataclass(frozen=True)
class Header:
    """The first line: the version of the format, CLOCK_REALTIME at time zero, and the test's node id."""

    history: int
    origin: float
    test: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a history: at `at` seconds, `who` did or saw `what`."""

    at: float
    kind: Kind
    who: str
    what: str
    data: dict[str, Any] = field(default_factory=dict)
    line: int = field(default=0, compare=False)

    @classmethod
    def of(cls, raw: Any, line: int) -> Self:
        """Return the entry that the JSON of this line tells of. Raises Mistyped."""
        entry: Self = typed(raw, cls)
        if entry.kind in DATA:
            typed(entry.data, DATA[entry.kind], "data")
        return replace(entry, line=line)


class History:
    """An append-only record in memory and, with a path, on disk as it grows; safe to use from any thread.

    `test` is the node id of the test that it tells of; entries of the kinds `without` are left out. `heard` is called
    with each entry that was recorded, and must be quick.
    """

    def __init__(
        self,
        path: Path | None = None,
        test: str | None = None,
        *,
        without: Collection[Kind] = (),
        heard: Callable[[Entry], None] | None = None,
    ) -> None:
        self._without = without
        self._heard = heard
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._monotonic = time.monotonic()
        self.origin = time.time()
        self._next_op = 0
        self._file: TextIO | None = path.open("w", encoding="utf-8") if path else None
        self._write(_json(asdict(Header(VERSION, self.origin, test))))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """A copy of all entries so far, in the order of recording."""
        with self._changed:
            return list(self._entries)

    def now(self) -> float:
        """Return the seconds since this history's origin."""
        return time.monotonic() - self._monotonic

    def when(self, realtime: float) -> float:
        """Convert a CLOCK_REALTIME stamp of this machine, as QEMU's events carry, to this history's clock."""
        return realtime - self.origin

    def record(
        self,
        kind: Kind,
        who: str,
        what: str,
        /,
        *,
        at: float | None = None,
        **data: Any,
    ) -> Entry:
        """Append one entry; `at` (seconds of this history) is for what was seen elsewhere."""
        return self.append(kind, who, what, data, at=at)

    def append(self, kind: Kind, who: str, what: str, data: dict[str, Any], *, at: float | None = None) -> Entry:
        """Append one entry whose data may have any keys, "at" too.

        What is kept is what the file says, so that both are judged alike. Raises ValueError, TypeError for what no
        file could say.
        """
        with self._changed:
            moment = round(self.now() if at is None else at, 6)
            text = _json({"at": moment, "kind": kind, "who": who, "what": what, "data": data})
            entry = Entry.of(json.loads(text), len(self._entries) + 2)
            if kind in self._without:
                return entry
            self._entries.append(entry)
            self._write(text)
            self._changed.notify_all()
            if self._heard:
                self._heard(entry)
            return entry

    def invoke(self, who: str, what: str, /, **data: Any) -> "Operation":
        """Record that client `who` asks for `what`; the operation must end in ok, fail or info."""
        with self._changed:
            number = self._next_op
            self._next_op += 1
        self.append("op", who, what, {"op": number, "type": "invoke", **data})
        return Operation(self, who, what, number)

    def cursor(self) -> int:
        """Return a position for `wait_for`: everything recorded from now on lies behind it."""
        return len(self._entries)

    def mark(self) -> "Mark":
        """Return a place to go back to."""
        with self._changed:
            return Mark(len(self._entries), self._file.tell() if self._file else 0)

    def forget(self, since: "Mark") -> None:
        """Take back all that was recorded behind a mark, from the file too: for what is tried again and again."""
        with self._changed:
            del self._entries[since.entries :]
            if self._file:
                self._file.seek(since.end)
                self._file.truncate()

    def wait_for(self, what: str, match: Callable[[Entry], bool], *, since: int, timeout: float) -> Entry:
        """Return the first match behind cursor `since`, as soon as it is recorded. Raises WaitTimeout."""
        deadline = time.monotonic() + timeout
        position = since
        with self._changed:
            while True:
                while position < len(self._entries):
                    if match(self._entries[position]):
                        return self._entries[position]
                    position += 1
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
        tail = [f"{e.at:.3f} {e.who} {e.kind} {e.what}" for e in self.entries[since:] if e.kind != "op"][-5:]
        raise WaitTimeout(f"waited {timeout:g} s for {what}; last seen: {'; '.join(tail) or 'nothing'}")

    def close(self) -> None:
        """Close the file; the entries stay readable."""
        with self._changed:
            if self._file:
                self._file.close()
                self._file = None

    def _write(self, line: str) -> None:
        if self._file:
            self._file.write(line + "\n")
            self._file.flush()

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Return a history that holds these entries, for checkers and their tests."""
        history = cls()
        history._entries = list(entries)
        return history


@dataclass(frozen=True)
class Mark:
    """A place in a history: so many entries, and where in its file they end."""

    entries: int
    end: int


@dataclass
class Operation:
    """An operation that was invoked; exactly one of ok, fail and info ends it."""

    _history: History
    who: str
    what: str
    number: int

    def ok(self, **data: Any) -> None:
        """It happened: the client has the whole answer."""
        self._history.append("op", self.who, self.what, {"op": self.number, "type": "ok", **data})

    def fail(self, **data: Any) -> None:
        """It certainly did not happen, or the answer is wrong."""
        self._history.append("op", self.who, self.what, {"op": self.number, "type": "fail", **data})

    def info(self, **data: Any) -> None:
        """Nobody knows whether it happened, such as when the connection died under it."""
        self._history.append("op", self.who, self.what, {"op": self.number, "type": "info", **data})


def _json(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), allow_nan=False)
