"""A recorded history, read back: every line is checked, and the first one that is damaged is named."""

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.foreign import LARGEST, parse_json
from colo_harness.history import VERSION, Entry, Header
from colo_harness.typed import typed

_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1
_NAME_ONE = "name a history.jsonl or history.jsonl.gz"
_TAKE_ANOTHER = "it was changed after it was recorded: take the original, or run its test again"
_CUT_OFF = "nothing was recorded in it: take another one, or run its test again"


@dataclass(frozen=True)
class Recording:
    """What a file tells: the header, the entries, and the number of a last line that was cut off, None if none was."""

    header: Header
    entries: list[Entry]
    torn: int | None = None


def load(path: Path) -> Recording:
    """Read a recorded history, compressed or not.

    Who records writes a line at once, so a last line without its end was cut off, as when the machine lost power:
    it is left out. Raises UsageError that names the first damaged line.
    """
    reader = _Reader(str(path))
    try:
        with path.open("rb") as stream:
            packed = stream.peek(len(_GZIP)).startswith(_GZIP)
            lines = gzip.GzipFile(fileobj=stream) if packed else stream
            while line := lines.readline(LARGEST + 1):
                reader.take(line)
    except (gzip.BadGzipFile, zlib.error, EOFError) as damage:
        what = f"{path}:{reader.number + 1}: from here on it cannot be unpacked ({damage})"
        raise UsageError(what, "fetch the file once more") from damage
    except OSError as trouble:
        raise UsageError(f"{path}: cannot be read ({trouble.strerror})", _NAME_ONE) from trouble
    return reader.done()


@dataclass
class _Reader:
    name: str
    number: int = 0
    header: Header | None = None
    entries: list[Entry] = field(default_factory=list)
    torn: int | None = None
    ops: dict[int, list[Entry]] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """Read the next line. Raises UsageError."""
        self.number += 1
        if len(line) > LARGEST:
            raise self._damaged(f"longer than {LARGEST >> 20} MiB")
        try:
            raw = parse_json(line)
        except (ValueError, RecursionError) as damage:
            if line.endswith(b"\n") or self.header is None:
                raise self._damaged(f"no JSON ({damage})") from damage
            self.torn = self.number
            return
        try:
            if self.header is None:
                self.header = self._header(raw)
            else:
                self._entry(Entry.of(raw, self.number))
        except ValueError as damage:
            raise self._damaged(str(damage)) from damage

    def done(self) -> Recording:
        """Return what was read. Raises UsageError for an empty file."""
        if self.header is None:
            raise UsageError(f"{self.name}:1: empty: not even the header of a history", _CUT_OFF)
        return Recording(self.header, self.entries, self.torn)

    def _header(self, raw: Any) -> Header:
        version = raw.get("history") if isinstance(raw, dict) else None
        if not isinstance(version, int) or isinstance(version, bool):
            raise UsageError(f"{self.name}:1: no header of a history", _NAME_ONE)
        if version != VERSION:
            remedy = "update this checkout" if version > VERSION else "judge it with the checkout that recorded it"
            raise UsageError(
                f"{self.name}:1: a history of version {version}; this `colo` reads version {VERSION}",
                f"{remedy}, or run its test again",
            )
        header: Header = typed(raw, Header)
        return header

    def _entry(self, entry: Entry) -> None:
        if entry.kind == "op":
            self._pair(entry)
        elif entry.kind == "check":
            self._refer(entry)
        self.entries.append(entry)

    def _pair(self, entry: Entry) -> None:
        """See that an operation is invoked once, and ends after that, at most once, as what it was invoked as."""
        number = entry.data["op"]
        known = self.ops.setdefault(number, [])
        if (entry.data["type"] == "invoke") == bool(known):
            told = f"was invoked in line {known[0].line} already" if known else "was never invoked"
            raise ValueError(f"operation {number} {told}")
        if known and (known[0].who, known[0].what) != (entry.who, entry.what):
            raise ValueError(f"operation {number} is the {known[0].what} of {known[0].who} by line {known[0].line}")
        if len(known) > 1:
            raise ValueError(f"operation {number} ended in line {known[1].line} already")
        known.append(entry)

    def _refer(self, entry: Entry) -> None:
        """See that a verdict refers to lines before it."""
        until, lines = entry.data["until"], entry.data["lines"]
        if not 0 < until < entry.line:
            raise ValueError(f"data.until: a verdict on line {until}, which is not before it")
        if strange := [line for line in lines if not 1 < line <= until]:
            raise ValueError(f"data.lines: line {strange[0]} is none of those that were judged")

    def _damaged(self, what: str) -> UsageError:
        return UsageError(f"{self.name}:{self.number}: {what}", _TAKE_ANOTHER)
