"""Operations: what clients asked, put together with how each request ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from colo_harness.history import Entry

Outcome = Literal["ok", "fail", "info"]

RECORDS = frozenset({"echo", "download", "upload", "http", "differ", "udp", "ping"})
"""Kinds whose every answer carries content that the client can compare: `sent` and `got`."""
OPENINGS = frozenset({"connect", "dial"})
HANDLES = OPENINGS | {"close"}
"""Kinds that carry no data: their success acknowledges nothing."""
OURS = frozenset({"stopped", "broken"})
"""Errors that are the client's own: it was told to stop, or the session had broken before."""


@dataclass(frozen=True)
class Op:
    """One operation; `ended` and `outcome` are None while it is open. Times are seconds."""

    number: int
    who: str
    what: str
    invoked: float
    asked: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    ended: float | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    lines: tuple[int, ...] = ()

    @property
    def lossy(self) -> bool:
        """Nothing retransmits it: it went over UDP or ICMP."""
        return self.what in ("udp", "ping") or self.asked.get("transport") in ("udp", "icmp")

    @property
    def early(self) -> bool:
        """The answer had arrived before it was asked for, so that its time says nothing about the guest."""
        return bool(self.asked.get("early"))

    @property
    def acknowledged(self) -> bool:
        """The client has an answer that carries data and tells of the guest at that time."""
        return self.outcome == "ok" and self.what not in HANDLES and not self.early

    @property
    def refused(self) -> bool:
        """It certainly did not happen; a wrong answer proves no such thing."""
        return self.outcome == "fail" and "wrong" not in self.answer

    @property
    def diverges(self) -> bool:
        """The client asked for a byte that differs between the two VMs."""
        at = self.asked.get("at", -1)
        return isinstance(at, int) and at >= 0

    @property
    def completed(self) -> float:
        """The moment of the answer; for ever if there is none."""
        return float("inf") if self.ended is None or self.outcome != "ok" else self.ended

    def __str__(self) -> str:
        asked = ", ".join(f"{key}={self.asked[key]}" for key in ("n", "key", "slot", "at") if key in self.asked)
        return f"{self.who} {self.what}({asked})"


@dataclass(frozen=True)
class Ledger:
    """The operations in order of invocation, and the ends that belong to none or to one that had ended."""

    ops: Sequence[Op]
    strays: Sequence[Entry]

    def of(self, *kinds: str) -> list[Op]:
        """Return the operations of these kinds."""
        return [op for op in self.ops if op.what in kinds]

    @property
    def streams(self) -> list[Op]:
        """The operations over TCP."""
        return [op for op in self.ops if not op.lossy]


def ledger(entries: Iterable[Entry]) -> Ledger:
    """Put together the operations of entries that are in order of time.

    An `ok`, `fail` or `info` may carry the very time of its `invoke`, so all invocations are read first.
    """
    mine = [entry for entry in entries if entry.kind == "op"]
    ops: dict[Any, Op] = {}
    strays = []
    for entry in mine:
        number, rest = entry.data.get("op"), _rest(entry)
        if entry.data.get("type") == "invoke" and number not in ops:
            ops[number] = Op(number or 0, entry.who, entry.what, entry.at, rest, lines=(entry.line,))
        elif entry.data.get("type") == "invoke":
            strays.append(entry)
    for entry in mine:
        op, kind = ops.get(entry.data.get("op")), entry.data.get("type")
        if kind == "invoke":
            continue
        if op is None or op.outcome is not None or (op.who, op.what) != (entry.who, entry.what):
            strays.append(entry)
        elif kind in ("ok", "fail", "info"):
            ops[op.number] = Op(
                op.number,
                op.who,
                op.what,
                op.invoked,
                op.asked,
                kind,
                entry.at,
                _rest(entry),
                (*op.lines, entry.line),
            )
        else:
            strays.append(entry)
    return Ledger(sorted(ops.values(), key=lambda op: op.invoked), strays)


def _rest(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in entry.data.items() if key not in ("op", "type")}
