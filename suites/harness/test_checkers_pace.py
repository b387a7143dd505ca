"""When checkpoints come, what forces them, and where in one a fault fell."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge import (
    DelayHonoured,
    DivergenceForces,
    FellAt,
    NoForcedCheckpoint,
    QuietAfterDivergence,
    SilenceBounded,
    messages,
    pauses,
    side_of_commit,
)
from colo_harness.judge.checkpoints import Moment
from colo_harness.judge.pacing import NewDelayInForce
from colo_harness.judge.progress import CheckpointsGoOn
from suites.harness.histories import Tape, changed, divergence, ended, is_a, pace, progress, without


def every(delay_s: float, count: int, *, until: float) -> list[Entry]:
    """Return `count` checkpoints from 0 s on, watched from 0 s to `until`."""
    tape = Tape().phase(0, "watch", delay_s=delay_s)
    for number in range(count):
        tape.checkpoint(number * delay_s + 0.01)
    return tape.phase(until, "watched").entries


def test_a_guest_without_a_console_need_not_speak() -> None:
    """Its checkpoints are counted all the same."""
    mute = without(progress(), is_a("console"))
    assert CheckpointsGoOn()(mute).valid == "invalid"
    assert CheckpointsGoOn(silent=True)(mute).valid == "valid"
    assert CheckpointsGoOn(silent=True)(without(mute, is_a("event", "RESUME"))).valid == "invalid"


class TestExtraction:
    """pauses and messages."""

    def test_pauses_of_one_host(self) -> None:
        """A STOP without a RESUME is a pause without an end."""
        tape = Tape().checkpoint(1).checkpoint(2, "host_b").add(3, "event", "host_a", "STOP")
        assert [(one.start, one.end) for one in pauses(tape.entries, "host_a")] == [(1, 1.05), (3, None)]
        assert pauses(tape.entries, "host_a")[0].duration == pytest.approx(0.05)

    def test_messages_carry_their_direction(self) -> None:
        """The primary sends five of the eight and receives three."""
        told = messages(Tape().checkpoint(1).entries, "host_a")
        assert [message.direction for message in told].count("receive") == 3
        assert told[0].name == "checkpoint-request"


class TestSideOfCommit:
    """side_of_commit and fell_at."""

    @staticmethod
    def bitten_at(at: float) -> list[Entry]:
        """Return a history with a checkpoint at 1 s and a fault that bites `at` seconds."""
        return Tape().checkpoint(1).fault(at, "inject").fault(at, "bitten").entries

    @pytest.mark.parametrize(
        ("at", "moment", "side"),
        [
            (0.5, "idle", "idle"),
            (0.996, "before", "before"),
            (1.005, "before", "before"),
            (1.015, "transfer", "before"),
            (1.025, "transfer", "before"),
            (1.031, "after", "after"),
            (1.049, "after", "after"),
            (1.2, "idle", "idle"),
        ],
    )
    def test_the_side_follows_from_the_trace(self, at: float, moment: Moment, side: str) -> None:
        """The commit is VMSTATE_RECEIVED, as the primary traces it."""
        assert side_of_commit(self.bitten_at(at), fault=0) == side
        assert FellAt(moment)(self.bitten_at(at)).valid == "valid"

    def test_before_includes_the_transfer(self) -> None:
        """The state travels before it is committed, not the other way round."""
        assert FellAt("before")(self.bitten_at(1.025)).valid == "valid"
        assert FellAt("transfer")(self.bitten_at(1.005)).valid == "unknown"
        assert FellAt("after")(self.bitten_at(1.025)).valid == "unknown"

    def test_without_a_trace_only_idle_can_be_told(self) -> None:
        """STOP and RESUME do not show the commit."""
        untraced = without(self.bitten_at(1.02), is_a("trace"))
        assert side_of_commit(untraced, fault=0) is None
        assert side_of_commit(without(self.bitten_at(1.2), is_a("trace")), fault=0) == "idle"
        assert side_of_commit(without(untraced, is_a("event")), fault=0) is None

    def test_a_fault_that_never_bit_fell_nowhere(self) -> None:
        """Nor does one that does not exist."""
        assert side_of_commit(self.bitten_at(1.2), fault=7) is None
        assert FellAt("idle", fault=7)(self.bitten_at(1.2)).valid == "unknown"


class TestDelay:
    """delay_honoured and no_forced_checkpoint."""

    def test_checkpoints_that_stopped_are_invalid(self) -> None:
        """Even when enough came before."""
        verdict = DelayHonoured(0.5, late_s=0.5)(every(0.5, 5, until=6))
        assert verdict.valid == "invalid"
        assert "no checkpoint for 3.995 s" in verdict.reason

    def test_none_at_all_is_invalid(self) -> None:
        """The stretch was long enough for one."""
        assert DelayHonoured(0.5)(every(0.5, 0, until=6)).valid == "invalid"

    def test_a_short_stretch_is_unknown(self) -> None:
        """Two periods do not show three."""
        assert DelayHonoured(0.5, periods=3)(every(0.5, 3, until=1.2)).valid == "unknown"

    def test_a_long_checkpoint_puts_off_the_next(self) -> None:
        """The delay runs from start to start, but no checkpoint starts in another one."""
        slow = changed(every(0.5, 5, until=2.3), is_a("event", "RESUME"), at=0.3)
        assert DelayHonoured(0.5, late_s=0.05)(slow).valid == "valid"

    def test_a_forced_checkpoint_may_come_early(self) -> None:
        """If an answer with a difference was waiting for it; the next one is due a whole delay later."""
        tape = Tape().phase(0, "watch").checkpoint(1).checkpoint(1.4).checkpoint(2.4).checkpoint(3.4)
        tape.phase(3.6, "watched")
        assert DelayHonoured(1.0, periods=3)(tape.entries).valid == "invalid"
        tape.op(1.35, "differ-0", "differ", {"n": 0, "at": 0}, took=0.1)
        assert DelayHonoured(1.0, periods=3)(tape.entries).valid == "valid"

    def test_one_that_the_test_asked_for_may_come_early(self) -> None:
        """And is the start of the next period."""
        tape = Tape().phase(0, "watch").checkpoint(1).phase(1.35, "checkpoint").checkpoint(1.4).checkpoint(2.4)
        tape.checkpoint(3.4).phase(3.6, "watched")
        assert DelayHonoured(1.0, periods=3)(tape.entries).valid == "valid"
        early = changed(tape.entries, lambda entry: entry.at == 2.4, at=2.0)
        assert DelayHonoured(1.0, periods=3)(early).valid == "invalid"

    def test_the_median_of_the_gaps_must_not_drift(self) -> None:
        """One stutter makes a long gap and a short one; a timer set to the wrong time makes all of them long."""
        stutter = changed(every(1.0, 5, until=5), is_a("event", "STOP"), at=0.25)
        assert DelayHonoured(1.0, tolerance_s=0.3, drift_s=0.2)(stutter).valid == "valid"
        assert DelayHonoured(1.0, late_s=0.5, drift_s=0.2)(every(1.3, 5, until=6)).valid == "invalid"
        assert DelayHonoured(1.0, late_s=0.5)(every(1.3, 5, until=6)).valid == "valid"

    def test_a_slow_peer_makes_no_period_short(self) -> None:
        """The primary asks for a checkpoint on time, and stops when the secondary has answered."""
        late = changed(every(1.0, 5, until=5), is_a("event", "STOP"), at=0.6)
        late = changed(late, is_a("event", "RESUME"), at=0.7)
        assert DelayHonoured(1.0, tolerance_s=0.1)(late).valid == "valid"
        untraced = without(late, is_a("trace"))
        assert DelayHonoured(1.0, tolerance_s=0.1)(untraced).valid == "invalid"

    def test_stretches_are_told_apart_by_their_label(self) -> None:
        """One history may hold several."""
        tape = Tape().phase(0, "watch", label="slow").checkpoint(1).checkpoint(3).phase(4, "watched", label="slow")
        tape.phase(4, "watch", label="fast").checkpoint(4.2).checkpoint(4.7).phase(5, "watched", label="fast")
        assert DelayHonoured(2.0, periods=1, label="slow")(tape.entries).valid == "valid"
        assert DelayHonoured(0.5, periods=1, label="fast", late_s=0.2)(tape.entries).valid == "valid"
        assert DelayHonoured(0.5, periods=1)(tape.entries).valid == "unknown"

    def test_forced_checkpoints_are_counted_against_the_bound(self) -> None:
        """The checkpoint before the stretch tells whether the first one in it was due."""
        tape = Tape().checkpoint(0).phase(0.5, "watch", delay_s=10.0).checkpoint(1).checkpoint(2).echo(3, 0)
        tape.phase(4, "watched")
        assert NoForcedCheckpoint()(tape.entries).valid == "invalid"
        assert NoForcedCheckpoint(most=1)(tape.entries).valid == "invalid"
        assert NoForcedCheckpoint(most=2)(tape.entries).valid == "valid"
        assert NoForcedCheckpoint(delay_s=1.0)(tape.entries).valid == "valid"

    def test_nothing_is_said_without_a_delay_or_a_checkpoint(self) -> None:
        """A pair that never replicated forced nothing either."""
        assert NoForcedCheckpoint()(without(pace(), is_a("event"))).valid == "unknown"
        assert NoForcedCheckpoint()(changed(pace(), is_a("phase", "watch"), delay_s=None)).valid == "unknown"


class TestNewDelay:
    """new_delay_in_force."""

    @staticmethod
    def at(*moments: float, delay_s: float = 2.0) -> list[Entry]:
        """Return checkpoints at these moments, a delay that is set at 1 s, and a watched stretch until 6 s."""
        tape = Tape().phase(0, "watch").phase(1, "delay", delay_s=delay_s)
        for moment in moments:
            tape.checkpoint(moment)
        return tape.phase(6, "watched").entries

    def test_one_that_was_due_may_come_before_its_own(self) -> None:
        """The delay runs from its own."""
        assert NewDelayInForce()(self.at(1.1, 1.3, 3.3, 5.3)).valid == "valid"

    def test_nothing_at_once_is_invalid(self) -> None:
        """The first one came after the new delay, or the old one."""
        verdict = NewDelayInForce()(self.at(3.1, 5.1))
        assert (verdict.valid, verdict.at) == ("invalid", 1)
        assert "no checkpoint within 1 s" in verdict.reason

    def test_the_old_delay_is_invalid(self) -> None:
        """Both when it is shorter and when it is longer."""
        assert NewDelayInForce()(self.at(1.3, 1.6, 1.9, 2.2)).valid == "invalid"
        assert NewDelayInForce()(self.at(1.1)).valid == "invalid"

    def test_too_few_periods_are_unknown(self) -> None:
        """A short stretch shows nothing of the second period."""
        assert NewDelayInForce(late_s=3)(self.at(1.1, 3.1)).valid == "unknown"


class TestDivergence:
    """divergence_forces, quiet_after_divergence, silence_bounded."""

    def test_an_answer_without_a_checkpoint_is_invalid(self) -> None:
        """Compare was bypassed."""
        verdict = DivergenceForces()(without(divergence(), lambda entry: entry.kind == "event" and 2 < entry.at < 3))
        assert verdict.valid == "invalid"
        assert "differ(n=1, at=0) was answered without a checkpoint" in verdict.reason

    def test_an_answer_before_the_commit_is_invalid(self) -> None:
        """It was released too early."""
        late = changed(divergence(), ended("differ"), at=1.605)
        assert DivergenceForces()(late).valid == "invalid"
        assert DivergenceForces()(without(late, is_a("trace"))).valid == "valid"

    def test_an_answer_that_never_came_is_invalid(self) -> None:
        """Also over UDP: nothing was lost on the way."""
        lost = changed(divergence(), ended("differ"), type="info", error="TimeoutError")
        assert DivergenceForces()(lost).valid == "invalid"

    def test_a_request_without_a_difference_does_not_count(self) -> None:
        """Its `at` is -1."""
        tape = Tape().phase(0, "watch", delay_s=9.0).op(1, "differ-0", "differ", {"n": 0, "at": -1})
        assert DivergenceForces()(tape.phase(2, "watched").entries).valid == "unknown"

    def test_a_read_that_must_differ_counts_as_asked(self) -> None:
        """It need not tell its side, but waits for a checkpoint like any other."""
        tape = Tape().phase(1, "watch", delay_s=10.0).checkpoint(0.5).checkpoint(1.6)
        read = (
            tape.op(1.5, "log-0", "block", {"block": 3}, {"crc32": "0000abcd"}, took=0.135).phase(2, "watched").entries
        )
        assert DivergenceForces()(read).valid == "unknown"
        assert DivergenceForces(what="block")(read).valid == "valid"
        alike = without(read, lambda entry: entry.kind == "event" and entry.at > 1)
        assert DivergenceForces(what="block")(alike).valid == "invalid"

    def test_a_checkpoint_that_follows_of_itself_is_invalid(self) -> None:
        """One round of divergence forces no second one."""
        restless = Tape().checkpoint(2.3).entries
        verdict = QuietAfterDivergence()([*divergence(), *restless])
        assert verdict.valid == "invalid"
        assert "a checkpoint 0.665 s after differ-0 differ(n=0, at=0) was answered" in verdict.reason

    def test_silence_is_bounded_for_each_answer(self) -> None:
        """What is still open when the history ends has lasted until then."""
        tape = Tape().echo(1, 0, took=2.0).echo(5, 1, took=0.1)
        assert SilenceBounded(2.5)(tape.entries).valid == "valid"
        assert SilenceBounded(1.5)(tape.entries).valid == "invalid"
        assert SilenceBounded(2.5, who="echo-1")(tape.entries).valid == "unknown"
        tape.op(6, "echo-0", "echo", {"n": 2}, outcome=None).phase(9, "end")
        assert SilenceBounded(2.5)(tape.entries).valid == "invalid"
        assert SilenceBounded(3.5)(tape.entries).valid == "unknown"

    def test_what_was_never_held_shows_no_bound(self) -> None:
        """A run must show that the answer had to wait."""
        tape = Tape().echo(1, 0, took=0.5).echo(5, 1, took=0.1)
        assert SilenceBounded(1, held_s=0.4)(tape.entries).valid == "valid"
        assert SilenceBounded(1, held_s=0.4, held=2)(tape.entries).valid == "unknown"
        assert SilenceBounded(0.3, held_s=0.6)(tape.entries).valid == "invalid"

    def test_all_kinds_of_answers_can_be_bounded_at_once(self) -> None:
        """None stands for every kind."""
        tape = Tape().echo(1, 0, took=0.5).echo(1, 0, who="udp-0", what="udp", took=2)
        assert SilenceBounded(1)(tape.entries).valid == "valid"
        assert SilenceBounded(1, what=None)(tape.entries).valid == "invalid"

    def test_an_error_is_no_answer_however_quick(self) -> None:
        """A reset ends the silence, but not as promised."""
        tape = Tape().op(1, "echo-0", "echo", {"n": 0}, {"error": "ConnectionResetError"}, outcome="info")
        assert SilenceBounded(2.5)(tape.entries).valid == "invalid"
