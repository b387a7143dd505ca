"""Mending: what raw Allure results say that nobody needs is taken out, what a failed test has to tell is put in."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from colo_harness.report.results import write

TELLING = "colo: telling"
"""The name of the attachment that a failed test leaves for `mend`."""
FILES = "files"
"""The step below which a failed test's files are, but for those that another step shows."""
FIRST = ("timeline", "history")
"""Attachments that stay at the top."""

_CODE = re.compile(r"```sh\n(.*)\n```", re.DOTALL)
_BOLD = re.compile(r"\*\*(.+?)\*\*")

Attachments = dict[str, dict[str, Any]]


def mend(folder: Path) -> None:
    """Mend all raw results of a run, once it is over."""
    for path in folder.glob("*-container.json"):
        _mend_container(path)
    for path in folder.glob("*-result.json"):
        _mend_result(path)


def _mend_container(path: Path) -> None:
    """Keep those fixtures that went wrong, named like themselves; a container without any is removed.

    With pytest 9.1 and later allure-pytest 2.16 lists a `<fixture>::<lambda>` without a status for every
    fixture, shown as "unknown" (allure-python, pull request 921); what ran is called `<fixture>::<number>`.
    """
    container = json.loads(path.read_text(encoding="utf-8"))
    sides = {side: [*_wrong(container.get(side, []))] for side in ("befores", "afters")}
    if not any(sides.values()):
        path.unlink()
    elif any(container.get(side, []) != kept for side, kept in sides.items()):
        write(path, {**container, **sides})


def _wrong(fixtures: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for fixture in fixtures:
        if fixture.get("status", "passed") != "passed":
            yield {**fixture, "name": fixture["name"].partition("::")[0]}


def _mend_result(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    mended = {**result, "parameters": [one for one in result.get("parameters", []) if not _says_nothing(one)]}
    attachments = {one["name"]: one for one in result.get("attachments", [])}
    if told := attachments.pop(TELLING, None):
        source = path.with_name(told["source"])
        mended |= _told(mended, attachments, json.loads(source.read_text(encoding="utf-8")))
        mended["descriptionHtml"] = _html(mended.get("description", ""), path.parent, mended["attachments"])
        source.unlink()
    if mended != result:
        write(path, mended)


def _says_nothing(parameter: Mapping[str, Any]) -> bool:
    """A test that has controls is itself parametrised, with no sabotage."""
    return (parameter["name"], parameter["value"]) == ("sabotage", "None")


def _told(result: Mapping[str, Any], attachments: Attachments, telling: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes: the verdict's sentence comes first, phases are steps, files are below one step."""
    steps = [_step(step, attachments, telling["origin"]) for step in telling["steps"]]
    first = [attachments.pop(name) for name in FIRST if name in attachments]
    if attachments:
        ended = {"start": result["stop"], "stop": result["stop"]}
        steps.append({"name": FILES, "status": "passed", **ended, "attachments": list(attachments.values())})
    changed: dict[str, Any] = {"attachments": first, "steps": [*result.get("steps", []), *steps]}
    if sentence := telling["sentence"]:
        changed["statusDetails"] = {**result.get("statusDetails", {}), "message": sentence}
    return changed


def _html(description: str, folder: Path, attachments: Sequence[Mapping[str, Any]]) -> str:
    """Return the description with the timeline below it: in Markdown Allure shows no SVG."""
    parts = []
    for part in filter(None, description.split("\n\n")):
        if code := _CODE.fullmatch(part):
            parts.append(f"<pre><code>{escape(code[1])}</code></pre>")
        else:
            bold = _BOLD.sub(r"<b>\1</b>", escape(part))
            parts.append(f"<p>{bold}</p>")
    for one in attachments:
        if one["type"] == "image/svg+xml":
            picture = b64encode((folder / one["source"]).read_bytes()).decode()
            parts.append(f'<img alt="{escape(one["name"])}" width="100%" src="data:{one["type"]};base64,{picture}">')
    return "\n".join(parts)


def _step(step: Mapping[str, Any], attachments: Attachments, origin: float) -> dict[str, Any]:
    mended = {
        "name": step["name"],
        "status": step["status"],
        "start": round((origin + step["start"]) * 1000),
        "stop": round((origin + step["end"]) * 1000),
        "attachments": [attachments.pop(name) for name in step["files"] if name in attachments],
        "steps": [_step(one, attachments, origin) for one in step["steps"]],
    }
    if step["message"]:
        mended["statusDetails"] = {"message": step["message"]}
    return mended
