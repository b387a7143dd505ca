"""What counts as replicating again."""

import pytest

from colo_harness.judge.resuming import DisksEqual, ReplicatedAgain
from suites.harness.histories import Match, Tape, after, changed, is_a, resumed, without


class TestReplicatedAgain:
    """replicated_again."""

    @pytest.mark.parametrize("host", ["host_a", "host_b"])
    def test_each_side_must_make_its_checkpoints(self, host: str) -> None:
        """One side that stands still is no pair."""
        verdict = ReplicatedAgain(1)(without(resumed(), after(5.5, is_a("event", who=host))))
        assert verdict.valid == "invalid"
        assert verdict.reason == f"turn 1: {host} made 1 checkpoints in 5.0 s, 2 are due"

    def test_checkpoints_of_the_first_pair_do_not_count(self) -> None:
        """They were made before the loss."""
        early = Tape().checkpoint(1.2).checkpoint(1.6).checkpoint(1.2, "host_b").checkpoint(1.6, "host_b").entries
        late = without(resumed(), is_a("event"))
        assert ReplicatedAgain(1)([*early, *late]).valid == "invalid"

    @pytest.mark.parametrize(
        ("missing", "reason"),
        [
            (is_a("phase", "resume"), "replication was resumed 0 times, 1 are due"),
            (after(4, is_a("phase", "replicating")), "turn 1 was not carried to its end"),
            (is_a("op"), "turn 1: no client was answered after 4.000 s"),
        ],
        ids=["never-begun", "never-ended", "nobody-asked"],
    )
    def test_what_was_not_tried_is_unknown(self, missing: Match, reason: str) -> None:
        """Nothing of it is a pass."""
        verdict = ReplicatedAgain(1)(without(resumed(), missing))
        assert (verdict.valid, verdict.reason) == ("unknown", reason)

    def test_every_turn_must_be_there(self) -> None:
        """Two were asked for."""
        assert ReplicatedAgain(2)(resumed()).valid == "unknown"

    def test_the_last_turn_ends_with_the_history(self) -> None:
        """No loss follows it."""
        alone = without(resumed(), is_a("fault", fault=1))
        assert ReplicatedAgain(1)(alone).valid == "valid"


class TestDisksEqual:
    """disks_equal."""

    def test_each_comparison_counts(self) -> None:
        """One is missing, or one says no."""
        assert DisksEqual(2)(resumed()).reason == "the disks were compared 1 times, not 2"
        differing = changed(resumed(), is_a("observe", "disks"), differs_at=65536)
        assert DisksEqual(2)(differing).reason == "turn 1: the disks differ at byte 65536"
