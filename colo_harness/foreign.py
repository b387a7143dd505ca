"""A file from somebody else: JSON or TOML, read as the type that is asked for, or refused with its line and key."""

import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.typed import Mistyped, typed

LARGEST = 1 << 26
"""Bytes of a file, or of a line of a history: many times what any of ours has."""
_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def read_json(path: Path, hint: Any, remedy: str) -> Any:
    """Return what a JSON file tells, as `hint`. Raises UsageError that names line and key."""
    text = read_text(path, remedy)
    try:
        raw = parse_json(text)
        json.dumps(raw, ensure_ascii=False).encode("utf-8")  # half of a pair of surrogates is no character
    except (ValueError, RecursionError) as damage:
        at = damage.pos if isinstance(damage, json.JSONDecodeError) else 0
        raise UsageError(f"{path}:{_line_of(text, at)}: {damage or 'nested too deeply'}", remedy) from damage
    try:
        return typed(raw, hint)
    except (ValueError, RecursionError) as damage:
        line = _line_of(text, _place(text, damage.where)) if isinstance(damage, Mistyped) else 1
        raise UsageError(f"{path}:{line}: {damage}", remedy) from damage


def read_toml(path: Path, hint: Any, remedy: str) -> Any:
    """Return what a TOML file tells, as `hint`. Raises UsageError that names line and key."""
    text, raw = parsed_toml(path, remedy)
    try:
        return typed(raw, hint)
    except (ValueError, RecursionError) as damage:
        line = _toml_line(text, damage.where) if isinstance(damage, Mistyped) else 1
        raise UsageError(f"{path}:{line}: {damage}", remedy) from damage


def parsed_toml(path: Path, remedy: str) -> tuple[str, dict[str, Any]]:
    """Return a TOML file's text, and what it tells. Raises UsageError that names the line."""
    text = read_text(path, remedy)
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as damage:
        told = re.search(r" \(at line (\d+), column \d+\)$", str(damage))
        what = str(damage).removesuffix(told[0] if told else "")
        raise UsageError(f"{path}:{told[1] if told else _line_of(text, len(text))}: {what}", remedy) from damage


def read_text(path: Path, remedy: str) -> str:
    """Return what is in a file that is not too large. Raises UsageError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as trouble:
        raise UsageError(f"{path}: cannot be read ({trouble.strerror})", remedy) from trouble
    if len(content) > LARGEST:
        raise UsageError(f"{path}: larger than {LARGEST >> 20} MiB", remedy)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as damage:
        line = content.count(b"\n", 0, damage.start) + 1
        raise UsageError(f"{path}:{line}: no UTF-8 ({damage.reason})", remedy) from damage


def parse_json(text: str | bytes) -> Any:
    """Return the JSON that a text is; UTF-8, no name twice in an object, each number finite.

    Raises ValueError, RecursionError.
    """
    whole = text if isinstance(text, str) else text.decode("utf-8")
    return json.loads(whole, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is not finite")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return told


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _place(text: str, where: str) -> int:
    """Return where in a JSON text the value is that `Mistyped.where` names, or the nearest around it."""
    at, left = _blank(text, 0), where if where.startswith((".", "[")) or not where else f".{where}"
    while left:
        known = [(step, value) for step, value in _parts(text, at) if left.startswith(step)]
        if not known:
            break
        step, at = max(known, key=lambda one: len(one[0]))
        left = left[len(step) :]
    return at


def _parts(text: str, at: int) -> Iterator[tuple[str, int]]:
    """Yield each part of the object or array there, as `Mistyped.where` calls it, and where its value is."""
    if text[at] not in "{[":
        return
    named, number = text[at] == "{", 0
    at = _blank(text, at + 1)
    while text[at] not in "}]":
        step = f"[{number}]"
        if named:
            name, at = _DECODER.raw_decode(text, at)
            step, at = f".{name}", _blank(text, _blank(text, at) + 1)
        yield step, at
        at = _blank(text, _DECODER.raw_decode(text, at)[1])
        at, number = _blank(text, at + (text[at] == ",")), number + 1


def _blank(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _toml_line(text: str, where: str) -> int:
    """Return the line of the key or table that `Mistyped.where` names, or of the nearest around it."""
    table, best, line, counts = "", "", 1, dict[str, int]()
    for number, row in enumerate(text.splitlines(), start=1):
        if header := _TABLE.fullmatch(row):
            table = f".{_bare(header[2])}"
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table += f"[{counts[table]}]"
            path = table
        elif key := _KEY.match(row):
            path = f"{table}.{_bare(key[1])}"
        else:
            continue
        if len(path) > len(best) and f".{where.lstrip('.')}".startswith(path):
            best, line = path, number
    return line


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
