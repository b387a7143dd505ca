"""Where a start was when a fault fell, and a secondary that never ran."""

from collections.abc import Callable

import pytest

from colo_harness.history import Entry
from colo_harness.judge.starting import FellWhileStarting, NeverRan, Stage
from suites.harness.histories import Tape
from suites.harness.starts import started


@pytest.mark.parametrize(
    ("stage", "entries"),
    [
        ("refused", started("setup", "failed")),
        ("refused", started("setup", "active", "failed", "setup", "failed")),
        ("first pass", started("setup", "active")),
        ("device", started("setup", "active", "device", passes=1)),
        ("ready", started("setup", "active", "device", "colo", passes=1, said=True)),
    ],
)
def test_a_stage_is_known_by_its_events(stage: Stage, entries: list[Entry]) -> None:
    """Of the last attempt alone, and only that stage is told."""
    assert FellWhileStarting(stage)(entries).valid == "valid"
    others: set[Stage] = {"refused", "first pass", "device", "ready"}
    assert {FellWhileStarting(other)(entries).valid for other in others - {stage}} == {"unknown"}


@pytest.mark.parametrize(
    "entries",
    [
        started("setup", "active", "failed"),
        started("setup", "active", passes=1),
        started("setup", "active", "device", "colo", passes=1),
        started("setup", "active", "device", "colo", passes=1, said=True, heard=True),
        started("setup", "active")[:-2],
    ],
)
def test_other_places_are_no_stage(entries: list[Entry]) -> None:
    """Such as the second pass, or after the primary has heard that the secondary is ready."""
    stages: tuple[Stage, ...] = ("refused", "first pass", "device", "ready")
    assert {FellWhileStarting(stage)(entries).valid for stage in stages} == {"unknown"}


@pytest.mark.parametrize(
    ("valid", "more"),
    [
        ("valid", lambda tape: tape),
        ("invalid", lambda tape: tape.add(2, "event", "host_b", "RESUME")),
        ("invalid", lambda tape: tape.phase(2, "promoted", host="host_b")),
    ],
    ids=["stuck", "ran", "promoted"],
)
def test_half_a_guest_may_not_run(valid: str, more: Callable[[Tape], Tape]) -> None:
    """Neither by itself nor by being promoted; and it must have been asked."""
    assert NeverRan()(more(Tape().phase(1, "stuck", host="host_b", reason="refused")).entries).valid == valid
    assert NeverRan()([]).valid == "unknown"


def test_an_earlier_life_does_not_count() -> None:
    """A guest that ran on this host before the pair was resumed has nothing to do with the new secondary's."""
    tape = Tape().add(1, "event", "host_b", "RESUME").phase(2, "resume").phase(4, "stuck", host="host_b")
    assert NeverRan()(tape.entries).valid == "valid"
    assert NeverRan()(tape.add(3, "event", "host_b", "RESUME").entries).valid == "invalid"
