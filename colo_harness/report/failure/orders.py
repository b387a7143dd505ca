"""Orders: the commands that both sides were given, without the questions, read from their monitors' transcripts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from colo_harness.report.failure.excerpt import Line, compact
from colo_harness.report.failure.monitors import messages

QUESTIONS = ("query-", "qom-list", "qom-get", "qmp_capabilities")


@dataclass(frozen=True)
class Order:
    """A command, when and to whom it was given, and why it was refused, or that nobody answered."""

    at: float
    who: str
    name: str
    arguments: Mapping[str, Any]
    trouble: str = ""

    def __str__(self) -> str:
        return f"{self.name} {compact(self.arguments)}".rstrip()


def told(folder: Path) -> Iterator[Order]:
    """Yield each command of each monitor, once it was answered or the transcript has ended."""
    for who, said in messages(folder):
        waiting: dict[str, Order] = {}
        for at, message in said:
            name = message.get("execute") or message.get("exec-oob", "")
            key = json.dumps(message.get("id"))
            if name and not name.startswith(QUESTIONS):
                waiting[key] = Order(at, who, name, message.get("arguments", {}))
            elif key in waiting and ("return" in message or "error" in message):
                order = waiting.pop(key)
                trouble = str(message["error"].get("desc")) if "error" in message else ""
                yield replace(order, trouble=trouble)
        yield from (replace(order, trouble="never answered") for order in waiting.values())


def given(folder: Path) -> Iterator[Line]:
    """Yield each command with what came of it."""
    for order in told(folder):
        yield order.at, f"{order.who} {order}{f': {order.trouble}' if order.trouble else ''}"
