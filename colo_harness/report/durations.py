"""How long tests took the last time that they ran here, in a file of its own."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def load(file: Path) -> dict[str, float]:
    """Return seconds by node id; nothing where the file is not there, or damaged: it only tells what to expect."""
    with suppress(OSError, ValueError):
        told = json.loads(file.read_text(encoding="utf-8"))
        return {str(test): float(seconds) for test, seconds in told.items()} if isinstance(told, dict) else {}
    return {}


def save(file: Path, seconds: Mapping[str, float]) -> None:
    """Add these to what is there, in one step. Raises OSError."""
    if seconds:
        fresh = file.with_name(f"{file.name}.new")
        file.parent.mkdir(parents=True, exist_ok=True)
        told = load(file) | {test: round(spent, 3) for test, spent in seconds.items()}
        fresh.write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
        fresh.replace(file)
