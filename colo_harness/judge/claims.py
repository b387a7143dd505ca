"""The claims: what COLO's documents promise, one sentence each, as listed in suites/claims.toml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from colo_harness.errors import UsageError
from colo_harness.foreign import parsed_toml

Area = Literal[
    "lifecycle",
    "checkpoint",
    "proxy",
    "replication",
    "failover",
    "resume",
    "applications",
    "endurance",
    "release",
    "performance",
    "harness",
]
AREAS: tuple[Area, ...] = get_args(Area)

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z][A-Z0-9]*)*-[0-9]+")


@dataclass(frozen=True)
class Claim:
    """One promise: `text` is a sentence, `source` the document and section that it is taken from."""

    id: str
    text: str
    source: str
    area: Area


def load_claims(path: Path) -> dict[str, Claim]:
    """Read claims by id, in the order of the file: tables `[claims.LIFE-1]` with text, source and area.

    Raises UsageError that names line and key of the first mistake.
    """
    text, raw = parsed_toml(path, "mend it there, or restore it from git")
    tables = raw.get("claims")
    stray = next((key for key in raw if key != "claims"), None)
    if stray is not None or not isinstance(tables, dict) or not tables:
        raise UsageError(
            f"{path}:{_line(text, stray or '')}: {stray or 'claims'}: not a table of claims",
            "write one table per claim, such as [claims.LIFE-1], and nothing else",
        )
    return {name: _claim(path, text, name, table) for name, table in tables.items()}


def _claim(path: Path, text: str, name: str, table: Mapping[str, Any] | object) -> Claim:
    where = f"{path}:{_line(text, f'claims.{name}')}: claims.{name}"
    if not _ID.fullmatch(name):
        raise UsageError(f"{where}: not an id", "use capitals and a number, such as FT-SESSION-1")
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: not a table", "write [claims.LIFE-1] with text, source and area below it")
    wanted = {field.name for field in fields(Claim)} - {"id"}
    for key in sorted(wanted ^ table.keys()):
        raise UsageError(f"{where}.{key}: {'missing' if key in wanted else 'unknown'}", f"use {sorted(wanted)}")
    for key in sorted(wanted):
        if not isinstance(table[key], str) or not table[key].strip():
            raise UsageError(f"{where}.{key}: must be a text", "write a sentence in quotes")
    if table["area"] not in AREAS:
        raise UsageError(f"{where}.area: {table['area']!r} is no area", f"use one of {', '.join(AREAS)}")
    if not table["text"].rstrip().endswith("."):
        raise UsageError(f"{where}.text: not a sentence", "end it with a full stop")
    return Claim(name, table["text"].strip(), table["source"].strip(), table["area"])


def _line(text: str, name: str) -> int:
    """Return the line, from 1, on which a table or key of this name starts; 1 if it cannot be found."""
    header = re.compile(rf"\s*\[?\s*{re.escape(name)}\s*(?:\]|=|\.)")
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, start=1) if name and header.match(line)), 1)
