"""Orders: the commands that both sides were given, without the questions, read from their monitors' transcripts."""

import json
from collections.abc import Iterator
from pathlib import Path

from colo_harness.report.failure.excerpt import Line, compact
from colo_harness.report.failure.monitors import messages

QUESTIONS = ("query-", "qom-list", "qom-get", "qmp_capabilities")


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
