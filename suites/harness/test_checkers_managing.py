"""What is proven of a cluster manager."""

from colo_harness.judge.managing import NoFalseAlarm, fenced_before_promoted
from suites.harness.histories import is_a, renamed, without
from suites.harness.managers import beating, handed_over


class TestFencedBeforePromoted:
    """fenced_before_promoted."""

    def test_it_tells_how_long_each_step_took(self) -> None:
        """And how long a client waited meanwhile."""
        reason = fenced_before_promoted(handed_over()).reason
        assert reason == ("host_b: detected 0.050 s, fenced 0.100 s, promoted 0.250 s, the longest answer took 0.800 s")

    def test_a_managers_word_is_no_proof(self) -> None:
        """Only the power switch knows."""
        verdict = fenced_before_promoted(without(handed_over(), is_a("phase", "fenced")))
        assert verdict.reason == "host_b was promoted though the power switch of its peer had not done anything"

    def test_a_fence_that_fails_and_nobody_promoted_is_right(self) -> None:
        """None that answers is acceptable."""
        kept = [entry for entry in handed_over() if entry.what not in ("failover", "promoted")]
        refused = renamed(kept, is_a("phase", "fenced"), "unfenced")
        assert fenced_before_promoted(refused).reason == "fencing failed 1 times, nobody promoted"


class TestNoFalseAlarm:
    """no_false_alarm."""

    def test_it_tells_what_was_missed(self) -> None:
        """By either host."""
        told = "heard 160 beats and missed 4 in a row, 0.31 s at most between two"
        assert NoFalseAlarm(100)(beating()).reason == f"host_a {told}; host_b {told}"

    def test_who_hears_little_proves_little(self) -> None:
        """Even if nobody raised an alarm."""
        assert NoFalseAlarm(161)(beating()).valid == "unknown"
