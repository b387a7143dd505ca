"""What a marker or a folder says of a test has the consequences of fixtures/markers.py and fixtures/order.py."""

import pytest

from colo_harness.doctor import PROBES, Declined, Doctor, Probe
from colo_harness.errors import MachineError
from colo_harness.judge.claims import AREAS
from fixtures import markers
from fixtures.order import twin_id
from suites.harness.innersuite import InnerSuite

SOUND = """
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(sabotage):
    judge(sabotage)
"""
CONTROL = "[control:no-rewriter]"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1 of area failover."""
    return InnerSuite(pytester)


def test_order(inner: InnerSuite) -> None:
    """Smoke first, then file by file, controls right behind their twins."""
    inner.tests(SOUND.replace("test_it", "test_b") + "\n@pytest.mark.smoke" + SOUND, "failover/test_b.py")
    inner.tests(SOUND.replace("test_it", "test_a"), "failover/test_a.py")
    ran = inner.run("-v", "suites/failover/test_b.py", "suites/failover/test_a.py")
    names = [f"{name}{control}" for name in ("test_it", "test_a", "test_b") for control in ("", CONTROL)]
    assert ran.ids == names


def test_slow_tests_run_where_they_are_asked_for(inner: InnerSuite) -> None:
    """Named by -m, and else left out, though they may be all that a claim has."""
    inner.tests(SOUND + "\n@pytest.mark.slow\n@claim('FT-1')\ndef test_long(): pass")
    assert "test_long" not in inner.run("-v").ids
    assert "test_long" in inner.run("-v", "-m", "slow").ids


@pytest.mark.parametrize(
    ("nodeid", "twin"),
    [
        ("a.py::test_it", "a.py::test_it"),
        ("a.py::test_it[kill]", "a.py::test_it[kill]"),
        ("a.py::test_it[control:x-y]", "a.py::test_it"),
        ("a.py::test_it[kill-control:x-y]", "a.py::test_it[kill]"),
    ],
    ids=["plain", "parameters", "control", "both"],
)
def test_twin_id(nodeid: str, twin: str) -> None:
    """A control shares a worker with its twin, whose node id is part of its own."""
    assert twin_id(nodeid) == twin


@pytest.mark.generated
def test_who_is_thorough_may_take_longer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of a test that goes on for as long as --thorough says is raised by that; other tests keep theirs."""
    item = request.node
    limits = [mark.args for mark in item.iter_markers("timeout")]
    monkeypatch.setattr(request.config.option, "timeout", 60)
    monkeypatch.setattr(request.config.option, "thorough", 0)
    markers.pytest_collection_modifyitems(request.config, [item])
    assert [mark.args for mark in item.iter_markers("timeout")] == limits
    monkeypatch.setattr(request.config.option, "thorough", 7)
    markers.pytest_collection_modifyitems(request.config, [item])
    assert item.get_closest_marker("timeout").args == (67,)


def test_areas_are_those_of_the_claims() -> None:
    """Markers and claims.toml know the same areas."""
    assert set(markers.AREAS) == set(AREAS)


def no_moon(_: Doctor) -> str:
    """Find nothing."""
    raise MachineError("the sky is empty", "wait for the night")


def unwanted_moon(_: Doctor) -> str:
    """Do not look."""
    raise Declined("--moon no was given")


def test_a_need_that_is_not_met_skips(inner: InnerSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The skip is counted by need, and the claim is skipped, not valid."""
    monkeypatch.setitem(PROBES, "moon", Probe("moon", no_moon))
    inner.tests("@pytest.mark.needs('moon')" + SOUND)
    ran = inner.run("-rs")
    assert ran.code == 0, ran.text
    assert ran.claims["FT-1"]["verdict"] == "skipped"
    assert ran.claims["FT-1"]["reason"] == "needs moon: the sky is empty"
    assert "skipped for want of moon: 2 tests" in ran.text


def test_strict_env_fails_what_would_be_skipped(inner: InnerSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --strict-env a need that is not met is the machine's fault."""
    monkeypatch.setitem(PROBES, "moon", Probe("moon", no_moon))
    inner.tests("@pytest.mark.needs('moon')" + SOUND)
    ran = inner.run("--strict-env")
    assert ran.claims["FT-1"]["verdict"] == "unknown"
    assert "needs moon: the sky is empty" in ran.broken[0]
    assert "wait for the night" in ran.text


def test_what_the_user_declined_is_skipped_all_the_same(inner: InnerSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no lack of the environment."""
    monkeypatch.setitem(PROBES, "moon", Probe("moon", unwanted_moon))
    inner.tests("@pytest.mark.needs('moon')" + SOUND)
    ran = inner.run("--strict-env")
    assert ran.claims["FT-1"]["verdict"] == "skipped"
    assert ran.claims["FT-1"]["reason"] == "needs moon: --moon no was given"


def test_a_need_that_is_met_changes_nothing(inner: InnerSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs."""
    monkeypatch.setitem(PROBES, "moon", Probe("moon", lambda _: "it is up"))
    inner.tests("@pytest.mark.needs('moon')" + SOUND)
    assert inner.run().claims["FT-1"]["verdict"] == "valid"
