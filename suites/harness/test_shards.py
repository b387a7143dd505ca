"""--shard deals tests out, each to one runner, and reports are made of what all of them judged."""

import json
from pathlib import Path

import pytest

from colo_harness.report.merging import claims, missing
from colo_harness.report.past import Past, points
from colo_harness.report.runs import Run
from colo_harness.report.summary import summary
from suites.harness.innersuite import InnerSuite

SHARDED = ("-p", "fixtures.shards", "-v")
SUITE = """
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost", on="2")
@pytest.mark.parametrize("case", [1, 2, 3, 4], ids=str)
def test_it(sabotage, case):
    judge(sabotage)

@claim("FT-1")
def test_other():
    pass
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite of five tests and a control."""
    inner = InnerSuite(pytester)
    inner.tests(SUITE)
    return inner


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_each_test_is_in_one_shard(inner: InnerSuite, workers: tuple[str, ...]) -> None:
    """Neighbours go to different ones, and a control to that of its twin, whose verdict it needs."""
    shards = [sorted(inner.run(*SHARDED, f"--shard={number}/2", *workers).tests) for number in (1, 2)]
    assert shards == [
        ["test_it[1]", "test_it[3]", "test_other"],
        ["test_it[2-control:no-rewriter]", "test_it[2]", "test_it[4]"],
    ]


@pytest.mark.parametrize("wrong", ["3/2", "0/2", "2", "a/b"])
def test_a_shard_that_there_is_not(inner: InnerSuite, wrong: str) -> None:
    """Is told so, with one that there is."""
    ran = inner.run(*SHARDED, f"--shard={wrong}")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert f"{wrong!r} is no shard, such as 2/4" in ran.errors


def left(place: Path, shard: tuple[int, int], **claim: object) -> Run:
    """Return a run that judged one claim."""
    raw = place / f"{shard[0]}" / "allure-results"
    raw.mkdir(parents=True)
    (raw / "a-result.json").write_text("{}")
    told = {"id": "FT-1", "area": "failover", "seconds": 2.0, "tests": 3, "reason": "", "failed_tests": [], **claim}
    (raw.parent / "claims.json").write_text(json.dumps({"shard": shard, "claims": [told]}))
    return Run.of(raw.parent)


def test_the_worst_of_a_claims_shards_decides(tmp_path: Path) -> None:
    """And the time and tests of all are its own."""
    sound = left(tmp_path, (1, 2), verdict="valid")
    sick = left(tmp_path, (2, 2), verdict="invalid", reason="lost", failed_tests=["a"], tests=1)
    (told,) = claims([sick, sound])
    assert (told["verdict"], told["reason"], told["failed_tests"]) == ("invalid", "lost", ["a"])
    assert (told["tests"], told["seconds"]) == (4, 4.0)


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    """As its tests were judged by nobody."""
    runs = [left(tmp_path, (number, 3), verdict="valid") for number in (1, 3)]
    assert missing(runs) == ["shard 2/3 is missing: its tests are not in this report"]
    assert missing([*runs, left(tmp_path, (2, 3), verdict="valid")]) == []


def test_the_summary_has_a_claim_once_and_names_what_is_missing(tmp_path: Path) -> None:
    """Whichever of the shards tested it."""
    named = {"all": [left(tmp_path, (number, 3), verdict="valid") for number in (1, 3)]}
    page = summary(named, points(named), Past(tmp_path / "history"), {})
    assert page.count("<td>FT-1</td>") == 1
    assert "shard 2/3 is missing" in page
