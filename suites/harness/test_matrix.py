"""The matrix says of each cell what its tests came to, never more, and leads to what they left."""

import json
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from colo_harness.cli import subrun
from colo_harness.cli.matrix import named
from colo_harness.report.matrix.cells import Column, Run, as_json, rows
from colo_harness.report.matrix.evidence import Evidence
from colo_harness.report.matrix.known import Known, known
from colo_harness.report.matrix.page import Matrix, html, markdown

FINDINGS = Path(__file__).parents[2] / "docs" / "findings"
TCG, NONE = Column("trixie", "tick", "tcg"), Column("trixie", "", "")
TEXTS = {"LIFE-1": "A pair starts.", "CMP-1": "Frames <alike> come out."}


def a_test(verdict: str = "valid", *, claim: str = "LIFE-1", number: int = 0, **more: Any) -> dict[str, Any]:
    """Return a test as claims.json has it."""
    told = {"id": f"suites/a/test_it.py::test_it[{number}]", "claims": [claim], "control": None, "guest": "tick"}
    return told | {"accel": "tcg", "verdict": verdict, "ended": True, "reason": "", "expected": ""} | more


def a_run(*tests: dict[str, Any], broken: tuple[str, ...] = ()) -> Run:
    """Return a run of a release that came to these tests."""
    return Run("trixie", "10.0.13", tests, broken, 12.0)


@pytest.mark.parametrize(
    ("tests", "word"),
    [
        ([a_test()], "holds"),
        ([a_test(), a_test("skipped")], "holds"),
        ([a_test("skipped")], "not applicable"),
        ([a_test(), a_test("known")], "known issue"),
        ([a_test(), a_test("invalid", expected="as expected of 10.0.13: gitlab #1")], "known issue"),
        ([a_test("known"), a_test("unknown")], "unknown"),
        ([a_test(), a_test(ended=False)], "unknown"),
        ([a_test(ended=False), a_test("invalid")], "fails"),
        ([a_test("valid", ended=False), a_test(ended=False)], "not run"),
        ([a_test(claim="CMP-1")], "not applicable"),
        ([a_test(accel="kvm")], "not applicable"),
        ([], "not run"),
    ],
)
def test_the_worst_of_its_tests_is_a_cells_word(tests: list[dict[str, Any]], word: str) -> None:
    """What is unknown or was not run never shows as held, whatever else passed."""
    assert a_run(*tests).cell("LIFE-1", TCG).word == word


def test_columns_are_where_tests_ran() -> None:
    """Guests and accelerators of the tests, those without a pair last; a run that broke has one column all the same."""
    run = a_run(a_test(), a_test(accel="kvm"), a_test(guest="", accel="", claim="CMP-1"))
    assert run.columns() == [TCG, Column("trixie", "tick", "kvm"), NONE]
    assert a_run(broken=("no verdicts",)).columns() == [NONE]
    assert rows([run], ["CMP-1", "FT-1", "LIFE-1"]) == ["CMP-1", "LIFE-1"]


class Links(HTMLParser):
    """Gathers where a page leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the target of a link."""
        self.found += [str(dict(attrs)["href"])] if tag == "a" else []


def test_pages_say_and_link_each_cell(tmp_path: Path) -> None:
    """Both pages have each word; a cell leads to its evidence, and that to the files of its tests."""
    results = tmp_path / "trixie" / "allure-results"
    results.mkdir(parents=True)
    (results / "h.jsonl").touch()
    step = {"name": "run", "attachments": [{"name": "history", "source": "h.jsonl"}]}
    told = {"fullName": "suites.a.test_it#test_it", "parameters": [{"name": "id", "value": "'0'"}], "steps": [step]}
    (results / "1-result.json").write_text(json.dumps(told), encoding="utf-8")
    run = a_run(a_test("invalid", reason="3 > 2"), a_test(claim="CMP-1", guest="", accel=""), broken=("<lost>",))

    def link(claim: str, column: Column) -> str:
        return f"trixie/evidence/{claim}-{column.guest}.html"

    matrix = Matrix([run], TEXTS, {}, link)
    page, text = html(matrix), markdown(matrix)
    assert Links(page).found == [link("LIFE-1", TCG), link("CMP-1", NONE)]
    assert "&lt;alike&gt;" in page
    assert "&lt;lost&gt;" in page
    assert f"| LIFE-1 | A pair starts. | tick | [fails]({link('LIFE-1', TCG)}) |" in text
    assert f"| CMP-1 | Frames <alike> come out. | none | [holds]({link('CMP-1', NONE)}) |" in text
    assert [cell["word"] for cell in as_json([run], list(TEXTS))["cells"]].count("fails") == 1

    where = tmp_path / link("LIFE-1", TCG)
    Evidence(tmp_path / "trixie").write(where, "LIFE-1", "A pair starts.", TCG, run.cell("LIFE-1", TCG))
    [target] = Links(where.read_text(encoding="utf-8")).found
    assert (where.parent / target).resolve() == results / "h.jsonl"
    assert "3 &gt; 2" in where.read_text(encoding="utf-8")


def test_a_claim_has_a_row_for_each_guest(tmp_path: Path) -> None:
    """One that was not run on a guest anywhere has none; without a guest the accelerators of a release are one cell."""
    tests = [a_test(), a_test(accel="kvm"), a_test(guest="linux"), a_test(claim="CMP-1", guest="", accel="")]
    matrix = Matrix([a_run(*tests), Run("sid", "12.0", [], ["nothing"], 1.0)], TEXTS, {}, lambda *_: str(tmp_path))
    assert (matrix.accels, matrix.guests("LIFE-1"), matrix.guests("CMP-1")) == (["tcg", "kvm"], ["tick", "linux"], [""])
    words = [(cell.word, span) for _, cell, span in matrix.cells("LIFE-1", "linux")]
    assert words == [("holds", 1), ("not applicable", 1), ("not run", 1), ("not run", 1)]
    assert [(cell.word, span) for _, cell, span in matrix.cells("CMP-1", "")] == [("holds", 2), ("not run", 2)]


def test_what_is_known_is_named_and_told_of(tmp_path: Path) -> None:
    """Issues by their ticket, with their link; findings by their number, with a copy that goes with the page."""
    found, hang = (
        "finding: docs/findings/0080-obeyed-twice.md",
        "as expected of 7.2.22: regression crash with TCG, mended",
    )
    tests = [a_test("known", reason=found), a_test("invalid", number=1, expected=f"{hang}; AHCI, mended in 11.0")]
    cell = a_run(*tests).cell("LIFE-1", TCG)
    assert cell.issues == ["0080-obeyed-twice", "AHCI", "crash with TCG"]
    told = known(cell.issues, FINDINGS, tmp_path / "findings")
    title = "What a client was told is done once, a survivor has done twice"
    assert told["0080-obeyed-twice"] == Known("finding 80", title, "findings/0080-obeyed-twice.txt")
    assert (tmp_path / "findings/0080-obeyed-twice.txt").read_text(encoding="utf-8").startswith("# 80.")
    page = html(Matrix([a_run(*tests)], TEXTS, told, lambda *_: "there"))
    assert "finding 80, AHCI, crash with TCG" in page
    assert told["AHCI"].text in page


def test_a_run_that_hangs_costs_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is interrupted, then killed; what it wrote until then counts, and without that there is nothing."""
    script = tmp_path / "hang"
    script.write_text('#!/bin/sh\ntrap "" INT\nexec sleep 60\n', encoding="ascii")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(subrun, "FAREWELL", 0.2)
    begun = time.monotonic()
    assert subrun.judge([], tmp_path / "results", timeout=0.2) == {}
    assert time.monotonic() - begun < 30


def test_builds_of_one_name_have_a_row_each() -> None:
    """By their folder's name, or by a number; one that is given twice has one row."""
    given = ["good/qemu", "bad/qemu", "old/bad/qemu", "mine/trixie", "good/qemu"]
    found = named([Path("/", path) for path in given], taken=["trixie"])
    assert {name: str(path) for name, path in found.items()} == {
        "qemu": "/good/qemu",
        "bad-qemu": "/bad/qemu",
        "bad-qemu-2": "/old/bad/qemu",
        "mine-trixie": "/mine/trixie",
    }
