"""The monitors: what was said on those of both sides, read from their transcripts."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colo_harness.report.failure.excerpt import Line, compact

TRANSCRIPT = ".qmp.jsonl"
FIRST = f"qmp{TRANSCRIPT}"
"""Of the monitor that gives the commands; on the other ones each event comes again."""

Message = Mapping[str, Any]


def messages(folder: Path) -> Iterator[tuple[str, list[tuple[float, Message]]]]:
    """Yield each monitor below a test's folder by name, and its messages with their moments.

    A line that was cut off is left out.
    """
    for path in sorted(folder.rglob(f"*{TRANSCRIPT}")):
        monitor = "" if path.name == FIRST else f" ({path.name.removesuffix(TRANSCRIPT)})"
        told = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            told.append((float(message["at"]), message["message"]))
        yield f"{path.parent.name}{monitor}", told


def said(folder: Path) -> Iterator[Line]:
    """Yield each message: commands as >, answers as <, events as *."""
    for who, told in messages(folder):
        for at, message in told:
            yield at, f"{who} {_words(message)}"


def _words(message: Message) -> str:
    if "event" in message:
        return f"* {message['event']} {compact(message.get('data', {}))}".rstrip()
    for command in ("execute", "exec-oob"):
        if command in message:
            oob = " (out of band)" if command == "exec-oob" else ""
            return f"> {message[command]}{oob} {compact(message.get('arguments', {}))}".rstrip()
    return f"< {compact({key: value for key, value in message.items() if key != 'id'})}"
