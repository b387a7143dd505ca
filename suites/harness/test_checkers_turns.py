"""What counts as a turn that was taken."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge.turns import TurnsTaken
from suites.harness.histories import Match, after, is_a, turned, without

FIRST = "turn 1, kill-primary@idle+nothing: "
SECOND = "turn 2, kill-primary@idle+nothing: "


class TestTurnsTaken:
    """turns_taken."""

    def test_who_is_not_answered_again_in_the_turn_is_lost(self) -> None:
        """An answer in the next turn is too late."""
        late = without(turned(), lambda entry: 2 < entry.at < 8 and entry.kind == "op")
        verdict = TurnsTaken(2)(late)
        assert verdict.valid == "invalid"
        assert (
            verdict.reason == "turn 1, kill-primary@idle+nothing: echo-0 was not answered again after echo-0 echo(n=0)"
        )

    def test_who_said_goodbye_is_not_missed(self) -> None:
        """Whoever closes before the survivor carries on cannot be answered by it."""
        gone = without(turned(), after(9, is_a("op", who="echo-1")))
        goodbye = Entry(9.1, "op", "echo-1", "close", {"op": 99, "type": "invoke"}, 99)
        assert TurnsTaken(2)(gone).valid == "invalid"
        assert TurnsTaken(2)([*gone, goodbye]).valid == "valid"

    @pytest.mark.parametrize(
        ("missing", "reason"),
        [
            (after(9, is_a("fault", type="bitten")), f"{SECOND}no fault is proven to have bitten"),
            (after(9, is_a("phase", "promoted")), f"{SECOND}neither a promotion nor a healing follows the fault"),
            (is_a("op", who="echo-1"), f"{SECOND}nobody was answered before the fault"),
            (after(10, is_a("observe", "disks")), f"{SECOND}the disks were not compared in the end"),
            (after(8, is_a("phase", "turn")), "1 turns were taken, 2 are due"),
        ],
        ids=["no-fault", "not-overcome", "nobody-asked", "not-compared", "too-few"],
    )
    def test_what_was_not_tried_is_unknown(self, missing: Match, reason: str) -> None:
        """Nothing of it is a pass."""
        verdict = TurnsTaken(2)(without(turned(), missing))
        assert (verdict.valid, verdict.reason) == ("unknown", reason)
