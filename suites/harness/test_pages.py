"""Pages are what a browser shows of them: nothing is missing, broken, or fetched from elsewhere."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colo_harness.history import History
from colo_harness.judge import Violation, check, no_reset
from colo_harness.report.failure.telling import tell
from colo_harness.report.making import SUMMARY, make
from colo_harness.report.matrix.cells import Column, Run
from colo_harness.report.matrix.evidence import Evidence
from colo_harness.report.matrix.page import Matrix, html
from colo_harness.report.mending import TELLING, mend
from colo_harness.report.results import FOLDER, write, write_environment
from colo_harness.report.timeline import draw
from colo_harness.settings import Settings
from suites.harness.browser import Looker, opened

pytestmark = pytest.mark.needs("chromium", "node")

CLAIM = {"id": "FT-1", "area": "failover", "seconds": 1.0, "tests": 2, "failed_tests": []}
TEST = {"id": "suites/a/test_it.py::test_it", "claims": ["FT-1"], "control": None, "guest": "tick", "accel": "tcg"}
VERDICT = {"verdict": "invalid", "reason": "it <failed>", "ended": True, "expected": "", "seconds": 1.0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[[], Looker]]:
    """Return what opens pages."""
    with opened() as opener:
        yield opener


@pytest.fixture
def looker(browser: Callable[[], Looker]) -> Looker:
    """Return one for this test alone."""
    return browser()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return what a run of a failed and a passed test has left."""
    raw = tmp_path / "run" / FOLDER
    raw.mkdir(parents=True)
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "start")
        history.invoke("echo-0", "echo", n=1).info(error="ConnectionResetError")
        with pytest.raises(Violation):
            check(history, no_reset)
    telling = tell(tmp_path, tmp_path / "history.jsonl")
    (raw / "telling.json").write_text(json.dumps(telling.as_json()))
    (raw / "timeline.svg").write_bytes(draw(tmp_path / "history.jsonl", "Fails"))
    files = {TELLING: ("telling.json", "application/json"), "timeline": ("timeline.svg", "image/svg+xml")}
    attached = [{"name": name, "source": source, "type": kind} for name, (source, kind) in files.items()]
    for name, status, attachments in (("Fails", "failed", attached), ("Passes", "passed", attached[1:])):
        times = {"start": 1_795_000_000_000, "stop": 1_795_000_001_000}
        labels = [{"name": "epic", "value": "failover"}, {"name": "feature", "value": "FT-1: It holds."}]
        result = {"uuid": name, "name": name, "fullName": f"a#{name}", "status": status, **times, "labels": labels}
        write(raw / f"{name}-result.json", {**result, "description": "**FT-1** It holds.", "attachments": attachments})
    mend(raw)
    write_environment(raw, {"QEMU": "11.1.3"})
    claims = {
        "claims": [CLAIM | {"verdict": "invalid", "reason": "it failed"}],
        "tests": [TEST | VERDICT],
        "broken": [],
    }
    (raw.parent / "claims.json").write_text(json.dumps(claims))
    return raw.parent


def test_a_report_shows_all_that_it_has(looker: Looker, results: Path, settings: Settings) -> None:
    """Overview, categories, summary, a failed and a passed test; offline, without an error or a broken picture."""
    page = make([results], results, settings)
    tests = re.findall(r'd\("data/test-results/([0-9a-f]+)\.json"', page.read_text())
    looker.look(page, text="Fails")
    looker.look(page, "categories", text="Product: a promise is broken")
    looker.look(page, "globalAttachments", text=SUMMARY)
    for test in tests:
        looker.look(page, test, text="Test body")
    looker.look(page.with_name(SUMMARY), text="1 claims: 1 invalid")
    assert len(tests) == 2
    assert looker.complaints == []


def test_the_matrix_shows_all_that_it_has(looker: Looker, results: Path, tmp_path: Path) -> None:
    """The page, and the evidence of its cell, with its links to files."""
    column = Column("trixie", "tick", "tcg")
    run = Run("trixie", "10.0.13", [TEST | VERDICT], (), 12.0)
    page, evidence = tmp_path / "matrix.html", tmp_path / "cells" / "it.html"
    page.write_text(html(Matrix([run], {"FT-1": "It holds."}, {}, lambda *_: "cells/it.html")))
    Evidence(results).write(evidence, "FT-1", "It holds.", column, run.cell("FT-1", column))
    looker.look(page, text="It holds.")
    looker.look(evidence, text="it <failed>")
    assert looker.complaints == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('<a href="nowhere.html">there</a>', "link: "),
        ('<img src="nowhere.png">', "image: "),
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>nobody()</script>", "error: "),
        ('<img src="http://127.0.0.1:9/it.png">', "request: http://127.0.0.1:9/it.png"),
    ],
    ids=["link", "image", "console", "script", "network"],
)
def test_a_broken_page_is_rejected(looker: Looker, tmp_path: Path, content: str, complaint: str) -> None:
    """Whatever is broken in it."""
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><html><meta charset="utf-8"><body>{content}</body></html>')
    looker.look(page)
    assert any(said.startswith(complaint) for said in looker.complaints)
