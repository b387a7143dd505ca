"""Orders: the commands that both sides were given, without the questions, read from their monitors' transcripts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from colo_harness.history import Entry
from colo_harness.report.failure.excerpt import Line, compact
from colo_harness.report.failure.monitors import messages

QUESTIONS = ("query-", "qom-list", "qom-get", "qmp_capabilities")

START = (
    "migrate-set-capabilities",
    "nbd-server-start",
    "nbd-server-add",
    "blockdev-add",
    "x-blockdev-change",
    "migrate",
)
FAILOVER = ("x-colo-lost-heartbeat",)
"""Commands of the document's procedures."""


def never_given(folder: Path, entries: Sequence[Entry]) -> str:
    """Name the document's commands of what was done that nobody gave; nothing where none is missing."""
    told = {message.get("execute") for _, all_told in messages(folder) for _, message in all_told}
    done = {entry.what for entry in entries if entry.kind == "phase"}
    wanted = [*(START if "replicating" in done else ()), *(FAILOVER if "promoted" in done else ())]
    missing = [name for name in wanted if name not in told]
    return f"never given, though the document has it: {', '.join(missing)}\n" if missing else ""


def given(folder: Path) -> Iterator[Line]:
    """Yield each command with what came of it."""
    for who, told in messages(folder):
        waiting: dict[str, tuple[float, str]] = {}
        for at, message in told:
            name = message.get("execute") or message.get("exec-oob", "")
            key = json.dumps(message.get("id"))
            if name and not name.startswith(QUESTIONS):
                waiting[key] = (at, f"{who} {name} {compact(message.get('arguments', {}))}".rstrip())
            elif key in waiting and ("return" in message or "error" in message):
                since, words = waiting.pop(key)
                refused = f": {message['error'].get('desc')}" if "error" in message else ""
                yield since, f"{words}{refused}"
        yield from ((since, f"{words}: never answered") for since, words in waiting.values())
