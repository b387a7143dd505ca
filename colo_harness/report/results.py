"""Raw Allure results: what a run leaves in a folder of JSON files, and what must be mended in it."""

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "allure-results"
"""The name of the folder under `Settings.results_dir`."""


def clear(folder: Path) -> None:
    """Make `folder` an empty one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def write_environment(folder: Path, environment: Mapping[str, str]) -> None:
    """Write environment.properties, which the report shows (the syntax of java.util.Properties)."""
    lines = [f"{_escape(key, ' =:')} = {_escape(value)}\n" for key, value in environment.items()]
    (folder / "environment.properties").write_text("".join(lines), encoding="utf-8")


def mend_teardowns(folder: Path) -> None:
    """Remove the tear-downs that never ran from all containers; name the others like their fixtures.

    With pytest 9.1 and later allure-pytest 2.16 lists a `<fixture>::<lambda>` without a status for every
    fixture, shown as "unknown" (allure-python, pull request 921); what ran is called `<fixture>::<number>`.
    """
    for path in folder.glob("*-container.json"):
        container = json.loads(path.read_text(encoding="utf-8"))
        afters = container.get("afters", [])
        real = [after for after in afters if "status" in after or not after["name"].endswith("::<lambda>")]
        named = [{**after, "name": after["name"].partition("::")[0]} for after in real]
        if named != afters:
            _write(path, {**container, "afters": named})


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
    _write(folder / f"{identity}-result.json", result)


def _escape(text: str, separators: str = "") -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return "".join(f"\\{character}" if character in separators else character for character in escaped)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write atomically, so that a reader never finds half a file."""
    partial = path.with_name(f"{path.name}.tmp")
    partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)
