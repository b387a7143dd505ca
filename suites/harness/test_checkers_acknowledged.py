"""What a client was told of a counter or the durable log is what the survivor must stand by."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.history import Entry
from colo_harness.judge import acknowledged_explained, counter_monotonic
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.replay import TooManyExplanations, step, unexplained
from suites.harness.histories import Tape, changed, ended, in_a_crowd


@dataclass(frozen=True)
class Add:
    """An addition that a simulated guest carries out, or not, and answers, or not."""

    value: int
    happens: bool
    answered: bool


ADDS = st.lists(
    st.builds(Add, st.integers(0, 2**32), st.booleans(), st.booleans()).map(
        lambda add: replace(add, happens=add.happens or add.answered)
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda add: add.value,
).map(lambda adds: [replace(add, answered=True, happens=True) if at > 5 else add for at, add in enumerate(adds)])
"""Values are unequal, so that no addition can stand for another; six at most go unanswered."""


def counted(adds: list[Add]) -> list[Entry]:
    """Return the history of one counter, written by two clients in turn, read at the end by a third."""
    tape, n, state = Tape(), 0, 0
    for at, add in enumerate(adds):
        if add.happens:
            n, state = n + 1, step(state, add.value, n + 1)
        answer = {"n": n, "state": state} if add.answered else {"error": "EOFError"}
        asked = {"key": 5, "value": add.value}
        outcome = "ok" if add.answered else "info"
        tape.op(at, f"counter-{at % 2}", "counter-add", asked, answer, outcome=outcome)
    tape.fault(50, "inject").fault(50, "bitten").phase(51, "promoted", host="host_b")
    return tape.op(60, "counter-2", "counter-get", {"key": 5}, {"n": n, "state": state}).entries


class TestCounter:
    """acknowledged_explained and counter_monotonic, against a simulated guest."""

    @in_a_crowd
    @given(ADDS.filter(lambda adds: adds[0].answered))
    def test_what_a_guest_can_answer_is_explained(self, adds: list[Add]) -> None:
        """Whichever of the unanswered additions happened."""
        verdict = acknowledged_explained(counted(adds))
        assert verdict.valid == "valid", verdict.reason
        assert counter_monotonic(counted(adds)).valid == "valid"

    @in_a_crowd
    @given(ADDS, st.data())
    def test_a_changed_state_or_count_is_not(self, adds: list[Add], data: st.DataObject) -> None:
        """Each answer depends on all earlier ones."""
        entries = counted(adds)
        victim = data.draw(st.sampled_from([entry for entry in entries if entry.data.get("type") == "ok"]))
        key = data.draw(st.sampled_from(["n", "state"]))
        other = data.draw(st.integers(-5, 2**64).filter(lambda value: value != victim.data[key]))
        assert (
            acknowledged_explained(changed(entries, lambda entry: entry is victim, **{key: other})).valid == "invalid"
        )

    @in_a_crowd
    @given(ADDS.filter(lambda adds: adds[0].answered), st.data())
    def test_a_survivor_that_forgot_an_acknowledged_addition_is_found_out(
        self, adds: list[Add], data: st.DataObject
    ) -> None:
        """Its next answer is one that the rest of the history cannot give."""
        forgotten = data.draw(st.sampled_from([at for at, add in enumerate(adds) if add.answered]))
        truth = counted([*adds[:forgotten], *adds[forgotten + 1 :]])
        told = counted(adds)
        assert acknowledged_explained([*told[:-1], truth[-1]]).valid in ("invalid", "unknown")
        final = next(entry for entry in truth[::-1] if entry.data.get("type") == "ok")
        survivor = changed(told, ended("counter-get"), n=final.data["n"], state=final.data["state"])
        assert acknowledged_explained(survivor).valid == "invalid"

    def test_an_unanswered_addition_may_happen_late(self) -> None:
        """A retransmitted segment can reach the guest after the next session's."""
        one = step(0, 8, 1)
        two = step(one, 7, 2)
        tape = Tape().op(1, "counter-0", "counter-add", {"key": 0, "value": 7}, {"error": "EOFError"}, outcome="info")
        tape.op(2, "counter-1", "counter-add", {"key": 0, "value": 8}, {"n": 1, "state": one})
        tape.op(3, "counter-1", "counter-get", {"key": 0}, {"n": 2, "state": two})
        assert list(unexplained(0, ledger(tape.entries).ops)) == []

    def test_an_addition_cannot_have_happened_before_it_was_asked_for(self) -> None:
        """The answer of n=2 came before."""
        two = step(step(0, 7, 1), 8, 2)
        tape = Tape().op(1, "counter-1", "counter-add", {"key": 0, "value": 8}, {"n": 2, "state": two})
        tape.op(2, "counter-0", "counter-add", {"key": 0, "value": 7}, None, outcome=None)
        assert len(list(unexplained(0, ledger(tape.entries).ops))) == 1

    def test_too_many_unanswered_additions_are_no_answer(self) -> None:
        """The replay gives up in seconds, and the verdict is unknown."""
        lost = [Op(n, "counter-0", "counter-add", n, {"value": n}, "info", n) for n in range(24)]
        told = Op(99, "counter-1", "counter-get", 100, {}, "ok", 101, {"n": 12, "state": 1})
        with pytest.raises(TooManyExplanations, match="24 additions"):
            list(unexplained(0, [*lost, told]))

    def test_a_count_that_stands_still_is_a_step_back_for_an_addition(self) -> None:
        """An addition adds."""
        answer = {"n": 1, "state": step(0, 7, 1)}
        tape = Tape().op(1, "counter-0", "counter-add", {"key": 0, "value": 7}, answer)
        assert counter_monotonic(tape.op(2, "counter-1", "counter-get", {"key": 0}, answer).entries).valid == "valid"
        tape.op(3, "counter-0", "counter-add", {"key": 0, "value": 7}, answer)
        assert counter_monotonic(tape.entries).valid == "invalid"


class TestLog:
    """acknowledged_explained, for the durable log."""

    @staticmethod
    def log(outcome: str, text: str | None, *, again: bool = False) -> list[Entry]:
        """Return the history of a slot that was written once or twice, lost its primary, and was read."""
        tape = Tape().op(0, "log-0", "append", {"slot": 1, "text": "first"})
        tape.op(0, "log-0", "append", {"slot": 9, "text": "other"})
        if again:
            tape.op(1, "log-0", "append", {"slot": 1, "text": "second"}, outcome=outcome)
        tape.fault(2, "inject").fault(2, "bitten").phase(3, "promoted", host="host_b")
        tape.op(4, "log-1", "read", {"slot": 9}, {"text": "other"})
        return tape.op(4, "log-1", "read", {"slot": 1}, {"text": text} if text else {"text": None}).entries

    @pytest.mark.parametrize(
        ("outcome", "again", "text", "valid"),
        [
            ("ok", False, "first", "valid"),
            ("ok", False, None, "invalid"),
            ("ok", False, "other", "invalid"),
            ("ok", True, "second", "valid"),
            ("ok", True, "first", "invalid"),
            ("info", True, "first", "valid"),
            ("info", True, "second", "valid"),
            ("info", True, "third", "invalid"),
            ("fail", True, "second", "invalid"),
        ],
    )
    def test_a_read_tells_the_last_text_that_can_have_been_written(
        self, outcome: str, *, again: bool, text: str | None, valid: str
    ) -> None:
        """The slot is a register; what nobody knows about may be there or not."""
        assert acknowledged_explained(self.log(outcome, text, again=again)).valid == valid

    def test_a_mark_is_either_sides_letter(self) -> None:
        """Which one is another checker's matter."""
        tape = Tape().op(1, "log-0", "mark", {"slot": 1}).fault(2, "inject").fault(2, "bitten")
        assert (
            acknowledged_explained(tape.op(3, "log-0", "read", {"slot": 1}, {"text": "B" * 64}).entries).valid
            == "valid"
        )
        tape.op(4, "log-0", "read", {"slot": 1}, {"text": "AB" * 32})
        assert acknowledged_explained(tape.entries).valid == "invalid"

    def test_what_was_only_asked_for_is_judged_as_well(self) -> None:
        """An append that nobody acknowledged may be absent, but not be something else."""
        tape = Tape().op(1, "log-0", "append", {"slot": 1, "text": "mine"}, {"error": "EOFError"}, outcome="info")
        tape.op(3, "log-1", "read", {"slot": 1}, {"text": "theirs"})
        assert acknowledged_explained(tape.entries).valid == "invalid"
