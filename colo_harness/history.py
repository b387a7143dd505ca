"""The history: everything that happened in one test, in order, on one clock.

One JSON object a line. The first is the header, `{"history": 1, "origin": <CLOCK_REALTIME at time zero>}`;
every other line is an `Entry`. Times are seconds of CLOCK_MONOTONIC since the origin.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TextIO, get_args

from colo_harness.errors import UsageError, WaitTimeout

VERSION = 1

Kind = Literal[
    "op",  # a client's operation; data: op (int), type (invoke, ok, fail, info), its own keys
    "event",  # a QMP event; who: host, what: QEMU's event name, data: QEMU's event data
    "trace",  # a line of QEMU's own tracing; who: host, what: trace event name, data: message
    "fault",  # what: the fault's repr, data: type (inject | bitten | heal | healed), fault (int), allows
    "phase",  # a step of the procedure, such as replicating, failover, promoted; who: host or pair
    "observe",  # a state that was asked for; what: the question, data: value
    "stderr",  # a line that QEMU wrote; what: the line
    "console",  # a line of a guest's serial console; what: the line
    "frame",  # a frame seen on the service network, where a test asks for it
    "check",  # what: a checker's name, data: verdict, reason
]


@dataclass(frozen=True)
class Entry:
    """One line of a history: at `at` seconds, `who` did or saw `what`."""

    at: float
    kind: Kind
    who: str
    what: str
    data: dict[str, Any] = field(default_factory=dict)
    line: int = field(default=0, compare=False)


class History:
    """An append-only record in memory and, with a path, on disk as it grows; safe to use from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._monotonic = time.monotonic()
        self.origin = time.time()
        self._next_op = 0
        self._file: TextIO | None = path.open("w", encoding="utf-8") if path else None
        self._write({"history": VERSION, "origin": self.origin})

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
        """Append one entry whose data may have any keys, "at" too."""
        with self._changed:
            entry = Entry(self.now() if at is None else at, kind, who, what, data, len(self._entries) + 2)
            self._entries.append(entry)
            self._write({"at": round(entry.at, 6), "kind": kind, "who": who, "what": what, "data": data})
            self._changed.notify_all()
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

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Return a history that holds these entries, for checkers and their tests."""
        history = cls()
        history._entries = list(entries)
        return history


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


def load(path: Path) -> History:
    """Read a recorded history. Raises UsageError that names the first damaged line."""
    entries = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                raw = json.loads(line)
                if number == 1:
                    if raw["history"] != VERSION:
                        raise UsageError(f"{path}:1: history version {raw['history']}", f"this reads version {VERSION}")
                    continue
                entry = Entry(raw["at"], raw["kind"], raw["who"], raw["what"], raw["data"], number)
                if entry.kind not in get_args(Kind):
                    raise ValueError(entry.kind)
            except (ValueError, KeyError, TypeError) as damage:
                raise UsageError(f"{path}:{number}: not a line of a history ({damage!r})", "record it anew") from damage
            entries.append(entry)
    return History.of(entries)
