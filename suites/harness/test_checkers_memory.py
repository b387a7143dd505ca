"""Memory after a checkpoint, memory of a survivor."""

import pytest

from colo_harness.judge.memory import GenerationPossible, MemoryEqual
from suites.harness.histories import changed, is_a, renamed, rests, survivor, without


class TestMemoryEqual:
    """memory_equal."""

    def test_pages_are_named(self) -> None:
        """Those that differ, are missing, or are there in addition; in order of address."""
        seen = is_a("observe", "memory", "host_b", moment="round 4")
        verdict = MemoryEqual()(changed(rests(), seen, pages={"0x20000": "x", "0x22000": "d", "0x3000": "e"}))
        assert verdict.reason == "round 4: host_a and host_b differ in 2 pages: 0x3000, 0x20000"

    def test_a_secondary_that_took_over_where_the_primary_rests_had_not_differed(self) -> None:
        """It has said nothing since, or the same; equal memory then shows nothing."""
        idle = without(rests(), is_a("console", "00000030"))
        assert MemoryEqual()(idle).reason == "round 3: the secondary is not known to have differed before"
        same = renamed(rests(), is_a("console", "00000030"), "00000010")
        assert MemoryEqual()(same).valid == "unknown"

    def test_a_primary_that_works_can_differ_of_itself(self) -> None:
        """Only a resting one can be compared."""
        assert MemoryEqual()(renamed(rests(), is_a("console", "Q00000041"), "00000041")).valid == "unknown"

    @pytest.mark.parametrize(
        ("pages", "missing"),
        [
            ({"0x20000": "c", "0x21000": "bb", "0x22000": "d"}, "no page of the secondary became zeros"),
            ({"0x20000": "c"}, "no page of the secondary that was zeros became anything else"),
        ],
    )
    def test_pages_must_become_zeros_and_something_else(self, pages: dict[str, str], missing: str) -> None:
        """Otherwise the zeroes were not tried."""
        entries = rests()
        for host in ("host_a", "host_b"):
            entries = changed(entries, is_a("observe", "memory", host, moment="round 4"), pages=pages)
        verdict = MemoryEqual()(entries)
        assert (verdict.valid, verdict.reason) == ("unknown", missing)


class TestGenerationPossible:
    """generation_possible."""

    def test_memory_that_is_not_the_guests_work_is_invalid(self) -> None:
        """The objection is told."""
        found = changed(survivor(), is_a("observe"), possible=False, objection="page 7 is old")
        assert "not the guest's work: page 7 is old" in GenerationPossible()(found).reason

    def test_the_bound_is_the_last_line_before_the_last_checkpoint_that_was_received(self) -> None:
        """What is said after it, or before one whose receipt never came, does not count."""
        assert GenerationPossible()(changed(survivor(), is_a("observe"), generation=0x20)).valid == "valid"
        unheard = without(survivor(), lambda entry: entry.kind == "trace" and entry.at > 2)
        assert GenerationPossible()(changed(unheard, is_a("observe"), generation=0x11)).valid == "valid"

    def test_a_guest_that_stands_still_is_invalid(self) -> None:
        """It was stopped to be looked at, and told to go on."""
        verdict = GenerationPossible()(without(survivor(), is_a("console", "", "host_b")))
        assert verdict.reason == "host_b's guest stands still at generation 37"
