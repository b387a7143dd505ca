"""The evidence: for each cell a page with its tests, what each came to, and the files that it left."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from os.path import relpath
from pathlib import Path
from typing import Any

from colo_harness.report.matrix.cells import Cell, Column
from colo_harness.report.matrix.page import framed

Attachment = tuple[str, Path]
"""What a test left, by the name that it goes by, and where it is."""


class Evidence:
    """The files that the tests of one run left in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._of: dict[tuple[str, str], list[Attachment]] = {}
        for result in sorted((folder / "allure-results").glob("*-result.json")):
            told = json.loads(result.read_text(encoding="utf-8"))
            self._of[_key_of_result(told)] = [(name, result.parent / source) for name, source in _attached(told)]

    def write(self, page: Path, claim: str, text: str, column: Column, cell: Cell) -> None:
        """Write the page of a cell."""
        tests = "".join(self._test(test, page.parent) for test in cell.tests)
        head = f"<h1>{escape(claim)}: {escape(cell.word)}</h1><p>{escape(text)}</p>"
        where = f"<p>{escape(column.qemu)}, {escape(column.told)}</p>"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(framed(f"{claim} on {column.qemu}", head + where + f"<dl>{tests}</dl>"), encoding="utf-8")

    def _test(self, test: Mapping[str, Any], start: Path) -> str:
        told = test["verdict"] if test["ended"] else "never ended"
        of = f", control {test['control']}" if test["control"] else ""
        files = "".join(
            f'<li><a href="{escape(relpath(path, start))}">{escape(name)}</a></li>'
            for name, path in self._of.get(_key_of_test(test["id"]), [])
        )
        reason = f"<p>{escape(test['reason'])}</p>" if test["reason"] else ""
        return f"<dt><code>{escape(test['id'])}</code></dt><dd>{told}{of}{reason}<ul>{files}</ul></dd>"


def _key_of_test(test: str) -> tuple[str, str]:
    """Return what Allure's results have in common with a node id: the function, and the id of its parameters."""
    name, _, parameters = test.partition("[")
    path, _, function = name.partition("::")
    return f"{path.removesuffix('.py').replace('/', '.')}#{function}", parameters.removesuffix("]")


def _key_of_result(told: Mapping[str, Any]) -> tuple[str, str]:
    given = {one["name"]: one["value"] for one in told.get("parameters", [])}
    return told["fullName"], str(given.get("id", "")).strip("'\"")


def _attached(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in told.get("attachments", []):
        yield one["name"], one["source"]
    for step in told.get("steps", []):
        yield from _attached(step)
