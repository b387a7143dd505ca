"""Raw Allure results: what a run leaves in a folder of JSON files."""

import json
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.foreign import read_text

FOLDER = "allure-results"
"""The name of the folder under `Settings.results_dir`."""
_SEPARATOR = re.compile(r"(?<!\\) = ")
_MEND = "mend that line, or remove the file: the run is then told apart by its folder"
_ESCAPED = re.compile(r"\\(.)")


def clear(folder: Path) -> None:
    """Make `folder` an empty one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write_environment(folder: Path, environment: Mapping[str, str]) -> None:
    """Write environment.properties, which the report shows (the syntax of java.util.Properties)."""
    lines = [f"{_escape(key, ' =:')} = {_escape(value)}\n" for key, value in environment.items()]
    (folder / "environment.properties").write_text("".join(lines), encoding="utf-8")


def read_environment(folder: Path) -> dict[str, str]:
    """Return what `write_environment` wrote; nothing where nothing was. Raises UsageError."""
    path = folder / "environment.properties"
    if not path.is_file():
        return {}
    lines = read_text(path, _MEND).split("\n")
    return dict(_pair(path, number, line) for number, line in enumerate(lines, start=1) if line)


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    parts = _SEPARATOR.split(line, maxsplit=1)
    if len(parts) == 1:
        raise UsageError(f"{path}:{number}: no `key = value`", _MEND)
    key, value = (_ESCAPED.sub(_plain, part) for part in parts)
    return key, value


def _plain(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else escaped[1]


def add_broken(folder: Path, node_id: str, message: str) -> None:
    """Add a broken result for a test whose process died before it could write one."""
    path, _, test = node_id.partition("::")
    now = int(time.time() * 1000)
    identity = str(uuid.uuid4())
    result = {
        "uuid": identity,
        "name": test or path,
        "fullName": node_id,
        "status": "broken",
        "statusDetails": {"message": message},
        "start": now,
        "stop": now,
        "titlePath": path.split("/"),
        "labels": [{"name": "suite", "value": path}, {"name": "framework", "value": "pytest"}],
    }
    write(folder / f"{identity}-result.json", result)


def _escape(text: str, separators: str = "") -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return "".join(f"\\{character}" if character in separators else character for character in escaped)


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write atomically, so that a reader never finds half a file."""
    partial = path.with_name(f"{path.name}.tmp")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)
