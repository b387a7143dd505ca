"""What a timeline shows of a history, compared as data."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.history import Entry, History
from colo_harness.judge.judgement import Violation, check
from colo_harness.judge.verdict import Breach, Verdict, broken, checker
from colo_harness.report.timeline.happenings import MOST_FAULTS, ROWS, event_lane
from colo_harness.report.timeline.lane import BUDGET, COLUMNS, STATES, Axis, Bar, Group, Lane, Look, Mark
from colo_harness.report.timeline.model import Timeline, timeline_of
from colo_harness.report.timeline.sessions import MOST, STALL_S
from suites.harness.histories import Tape, in_a_crowd
from suites.harness.stories import HOSTS, killed, long_history, resumed, together


def shown(tape: Tape | Sequence[Entry]) -> Timeline:
    """Return the timeline of entries."""
    return timeline_of(tape.entries if isinstance(tape, Tape) else tape, "a test")


def lane(timeline: Timeline, name: str, group: Group | None = None) -> Lane:
    """Return the first lane of this name."""
    return next(one for one in timeline.lanes if one.name == name and group in (None, one.group))


def bars(one: Lane, *looks: Look) -> list[Bar]:
    """Return the bars of these looks in order of time, to a millisecond."""
    found = sorted((bar for bar in one.bars if bar.look in (looks or STATES)), key=lambda bar: bar.start)
    return [Bar(round(bar.start, 3), round(bar.end, 3), bar.look) for bar in found]


def events(timeline: Timeline) -> list[tuple[float, str]]:
    """Return the key events that have a label."""
    return [(mark.at, mark.text) for mark in lane(timeline, "events").marks if mark.text]


class TestPair:
    """The hosts, their checkpoints, faults and key events."""

    def test_a_killed_primary(self) -> None:
        """Every lane of the story, from top to bottom."""
        timeline = shown(killed())
        assert [(one.group, one.name) for one in timeline.lanes] == [
            ("events", "events"),
            ("faults", "kill-primary"),
            ("host", "host_a"),
            ("checkpoints", "checkpoints"),
            ("host", "host_b"),
            ("checkpoints", "checkpoints"),
            ("sessions", "echo-0"),
        ]
        assert timeline.axis == Axis(0, 8)
        assert bars(lane(timeline, "kill-primary"), "arming", "biting") == [
            Bar(4, 4.125, "arming"),
            Bar(4.125, 8, "biting"),
        ]
        assert events(timeline) == [
            (0, "start"),
            (1, "replicating"),
            (4.25, "host_b COLO_EXIT (error)"),
            (4.5, "failover to secondary"),
            (4.75, "host_b promoted"),
        ]

    def test_run_states(self) -> None:
        """Starting, running, paused by a checkpoint, and dead for ever once killed."""
        timeline = shown(killed().add(5, "event", "host_a", "RESUME"))
        through_the_checkpoint = [Bar(0, 1, "starting"), Bar(1, 2, "running"), Bar(2, 2.05, "paused")]
        assert bars(lane(timeline, "host_a")) == [
            *through_the_checkpoint,
            Bar(2.05, 4.125, "running"),
            Bar(4.125, 8, "dead"),
        ]
        assert bars(lane(timeline, "host_b")) == [*through_the_checkpoint, Bar(2.05, 8, "running")]

    def test_the_role_moves(self) -> None:
        """A failover makes the survivor the primary; the dead have no role."""
        timeline = shown(killed())
        assert bars(lane(timeline, "host_a"), "primary", "secondary") == [Bar(0, 4.125, "primary")]
        assert bars(lane(timeline, "host_b"), "primary", "secondary") == [
            Bar(0, 4.75, "secondary"),
            Bar(4.75, 8, "primary"),
        ]
        assert lane(timeline, "host_b").marks == (
            Mark(0, "secondary", "secondary"),
            Mark(4.75, "primary", "primary"),
        )

    def test_a_resumed_host(self) -> None:
        """It has another QEMU from the resume on: starting, a secondary, and with checkpoints of its own."""
        timeline = shown(resumed())
        assert bars(lane(timeline, "host_a"), *STATES)[-4:] == [
            Bar(5, 6, "starting"),
            Bar(6, 7, "running"),
            Bar(7, 7.05, "paused"),
            Bar(7.05, 8, "running"),
        ]
        assert Bar(4.125, 5, "dead") in bars(lane(timeline, "host_a"))
        roles = [Bar(0, 4.125, "primary"), Bar(5, 8, "secondary")]
        assert bars(lane(timeline, "host_a"), "primary", "secondary") == roles
        assert bars(lane(timeline, "host_b"), "primary", "secondary")[-1] == Bar(4.75, 8, "primary")
        drawn = [bars(one, "transfer") for one in timeline.lanes if one.group == "checkpoints"]
        assert drawn == [[Bar(2.01, 2.03, "transfer"), Bar(7.01, 7.03, "transfer")]] * 2

    def test_a_checkpoint_that_was_broken_off_before_a_resume(self) -> None:
        """It ends where the survivor left COLO, not with the first word of the next pair."""
        timeline = shown(resumed().message(4.2, "host_b", "send", "checkpoint-request"))
        *_, taken = (one for one in timeline.lanes if one.group == "checkpoints")
        assert Bar(4.2, 4.25, "agree") in bars(taken, "agree")

    def test_phases_of_a_checkpoint(self) -> None:
        """From request to send, from send to received, from received to loaded; on either side."""
        timeline = shown(killed())
        phases = [Bar(1.995, 2.01, "agree"), Bar(2.01, 2.03, "transfer"), Bar(2.03, 2.045, "load")]
        drawn = [bars(one, "agree", "transfer", "load") for one in timeline.lanes if one.group == "checkpoints"]
        assert drawn == [phases, phases]

    def test_a_checkpoint_that_is_broken_off(self) -> None:
        """On the host that is lost it lasts until it dies, on the other until it leaves COLO."""
        tape = killed()
        for host in HOSTS:
            tape.message(3, host, "send", "checkpoint-request").message(3.5, host, "send", "vmstate-send")
        drawn = [bars(one, "agree", "transfer")[-1] for one in shown(tape).lanes if one.group == "checkpoints"]
        assert drawn == [Bar(3.5, 4.125, "transfer"), Bar(3.5, 4.25, "transfer")]

    def test_a_frozen_peer(self) -> None:
        """It is frozen until it is fenced, or else until the fault is healed."""
        tape = together().add(2, "fault", "nemesis", "freeze-secondary", type="bitten", fault=3, host="host_b")
        tape.add(9, "fault", "nemesis", "freeze-secondary", type="healed", fault=3).phase(10, "end")
        assert bars(lane(shown(tape), "host_b"))[-2:] == [Bar(2, 9, "frozen"), Bar(9, 10, "dead")]
        tape.phase(3, "failover", role="primary", host="host_a", fenced=False)
        assert bars(lane(shown(tape), "host_b"))[-2:] == [Bar(2, 9, "frozen"), Bar(9, 10, "dead")]
        tape.phase(4, "failover", role="primary", host="host_a", fenced=True)
        assert bars(lane(shown(tape), "host_b"))[-2:] == [Bar(2, 4, "frozen"), Bar(4, 10, "dead")]

    def test_a_cut_stream_stops_nobody(self) -> None:
        """A fault that no host dies of is shown, and both run on."""
        tape = together().add(2, "fault", "nemesis", "cut-mirror", type="inject", fault=0)
        tape.add(3, "fault", "nemesis", "cut-mirror", type="bitten", fault=0, host="host_a").phase(5, "end")
        timeline = shown(tape)
        assert bars(lane(timeline, "cut-mirror"), "arming", "biting") == [Bar(2, 3, "arming"), Bar(3, 5, "biting")]
        assert bars(lane(timeline, "host_a"))[-1] == Bar(1, 5, "running")

    def test_a_qemu_that_ended_by_itself(self) -> None:
        """It is dead when its exit status was seen, and not before."""
        tape = together().add(6, "observe", "host_b", "exit-status", value=1).phase(7, "end")
        assert bars(lane(shown(tape), "host_b"))[-1] == Bar(6, 7, "dead")

    def test_many_faults_share_a_lane(self) -> None:
        """The first have lanes of their own."""
        tape = together()
        for number in range(MOST_FAULTS + 3):
            tape.add(2 + number, "fault", "nemesis", f"cut-{number}", type="inject", fault=number)
        named = [one.name for one in shown(tape).lanes if one.group == "faults"]
        assert named == [*(f"cut-{number}" for number in range(MOST_FAULTS - 1)), "4 later faults"]

    def test_a_sabotage_is_told(self) -> None:
        """A control is seen to be one."""
        assert events(shown(Tape().phase(0, "start", sabotage="no-rewriter"))) == [(0, "start (sabotage: no-rewriter)")]

    def test_what_happens_often_is_counted(self) -> None:
        """The first carries the number; all have their diamond."""
        tape = together()
        for second in range(2, 9):
            tape.add(second, "event", "host_a", "QUORUM_REPORT_BAD", **{"node-name": "nbd0"})
        timeline = shown(tape)
        assert events(timeline)[-1] == (2, "host_a QUORUM_REPORT_BAD \N{MULTIPLICATION SIGN}7")
        assert sum(mark.at >= 2 for mark in lane(timeline, "events").marks) == 7

    @in_a_crowd
    @given(st.lists(st.tuples(st.floats(0, 100), st.text("abc ", min_size=1, max_size=20)), max_size=40))
    def test_labels_never_meet(self, told: list[tuple[float, str]]) -> None:
        """In any row one ends before the next begins, and none leaves the axis."""
        tape = Tape()
        for at, what in told:
            tape.phase(at, what)
        marks = [mark for mark in event_lane(tape.entries, Axis(0, 100)).marks if mark.text]
        for row in range(ROWS):
            spans = sorted(_span(mark) for mark in marks if mark.row == row)
            assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
            assert all(start >= 0 and end <= 100 for start, end in spans)


def _span(mark: Mark) -> tuple[float, float]:
    """Return from when to when a label reaches on an axis of 100 s."""
    long = len(mark.text) * 100 / COLUMNS
    return (mark.at - long, mark.at) if mark.flipped else (mark.at, mark.at + long)


class TestJudged:
    """What the checkers said."""

    def test_a_violation_is_where_its_checker_saw_it(self) -> None:
        """Recorded by the judge, shown at the moment of the first breach."""

        @checker
        def no_reset(_: Sequence[Entry]) -> Verdict:
            return broken([Breach("cut off", 3.5, (2,)), Breach("cut off again", 5.5, (3,))])

        history = History.of(killed().entries)
        with pytest.raises(Violation):
            check(history, no_reset)
        timeline = timeline_of(history)
        assert Mark(3.5, "violation", "no_reset: invalid") in lane(timeline, "events").marks
        assert timeline.judged == "invalid: no_reset: cut off; cut off again"

    def test_a_violation_without_a_moment(self) -> None:
        """It is at the first line that shows it, and without lines at the judgement."""
        tape = killed()
        line = next(entry.line for entry in tape.entries if entry.what == "promoted")
        tape.add(8.5, "check", "judge", "one", verdict="invalid", reason="", at=None, lines=[line, line + 1])
        tape.add(9, "check", "judge", "two", verdict="invalid", reason="", lines=[])
        marks = [mark for mark in lane(shown(tape), "events").marks if mark.look == "violation"]
        assert [(mark.at, mark.text) for mark in marks] == [(4.75, "one: invalid"), (9, "two: invalid")]

    def test_the_worst_verdict_is_told(self) -> None:
        """Invalid before unknown before valid; without checkers that nobody judged."""
        tape = killed()
        told = [shown(tape).judged]
        for number, verdict in enumerate(("valid", "unknown", "invalid")):
            tape.add(9 + number, "check", "judge", f"checker_{number}", verdict=verdict, reason="so")
            told.append(shown(tape).judged)
        assert told == ["not judged", "valid: 1 checkers", "unknown: checker_1: so", "invalid: checker_2: so"]


class TestSessions:
    """The clients' lanes."""

    def test_operations_last_from_invocation_to_completion(self) -> None:
        """In the look of their outcome; one without an end lasts until the history ends."""
        tape = Tape().op(1, "a", "echo", took=0.25).op(2, "a", "echo", outcome="fail", took=0.25)
        tape.op(3, "a", "echo", outcome="info", took=0.25).op(4, "a", "echo", outcome=None).phase(4.25, "end")
        assert bars(lane(shown(tape), "a"), "ok", "fail", "info", "open") == [
            Bar(1, 1.25, "ok"),
            Bar(2, 2.25, "fail"),
            Bar(3, 3.25, "info"),
            Bar(4, 4.25, "open"),
        ]

    def test_stalls_are_marked(self) -> None:
        """From STALL_S on; the longest of a session says in its middle how long it was."""
        tape = Tape().op(0, "a", "echo", took=STALL_S).op(2, "a", "echo", took=0.49).op(3, "a", "echo", took=1.5)
        one = lane(shown(tape), "a")
        assert bars(one, "stall") == [Bar(0, STALL_S, "stall"), Bar(3, 4.5, "stall")]
        assert one.marks == (Mark(3.75, "stall", "1.5 s"),)

    def test_the_worst_of_many_sessions_are_shown(self) -> None:
        """Those a checker points at, that failed, of unknown end, slow ones; a rule says so; the rest share a lane."""
        tape = Tape()
        for number in range(64):
            tape.op(1 + number / 100, f"echo-{number}", "echo", took=0.1)
        tape.op(5, "echo-40", "echo", outcome="fail").op(5, "echo-41", "echo", {}, {"error": "eof"}, outcome="info")
        tape.op(5, "echo-42", "echo", took=0.9).op(5, "echo-43", "echo")
        tape.add(7, "check", "judge", "no_reset", verdict="invalid", reason="", lines=[tape.entries[-1].line])
        timeline = shown(tape)
        named = [one.name for one in timeline.lanes if one.group == "sessions"]
        assert len(named) == MOST
        assert named[-1] == "53 other sessions"
        assert {"echo-40", "echo-41", "echo-42", "echo-43"} <= set(named)
        assert timeline.note == (
            "The 11 worst of 64 sessions: accused by a checker, then failed, unknown, slowest; the others share a lane."
        )
        assert bars(lane(timeline, "53 other sessions"), "ok")[-1].end < 1.8

    def test_a_client_that_was_told_to_stop_is_none_of_the_worst(self) -> None:
        """Its last operation is of unknown end by its own doing."""
        tape = Tape()
        for number in range(2 * MOST):
            error = {"error": "stopped" if number < MOST else "eof"}
            tape.op(number, f"{'stopped' if number < MOST else 'cut'}-{number}", "echo", {}, error, outcome="info")
        named = [one.name for one in shown(tape).lanes if one.group == "sessions"]
        assert [name for name in named if name.startswith("stopped")] == []

    def test_few_sessions_need_no_rule(self) -> None:
        """All are shown, in the order in which they came."""
        tape = Tape()
        for number in range(MOST):
            tape.op(number, f"s-{MOST - number}", "echo")
        timeline = shown(tape)
        assert [one.name for one in timeline.lanes[1:]] == [f"s-{MOST - number}" for number in range(MOST)]
        assert timeline.note == ""


class TestExtremes:
    """Histories of nothing, of one entry, and of very many."""

    def test_an_empty_history(self) -> None:
        """It is said to be one."""
        timeline = timeline_of([])
        assert (timeline.judged, timeline.axis) == ("an empty history", Axis(0, 1))
        assert timeline.lanes == (Lane("events", "events"),)

    def test_one_entry(self) -> None:
        """It has an axis."""
        timeline = shown(Tape().phase(3, "start"))
        assert timeline.axis == Axis(3, 4)
        assert events(timeline) == [(3, "start")]

    def test_a_long_history_is_thinned(self) -> None:
        """Ten minutes and 50,000 entries leave few bars; a lone failure stays, and that something melted is said."""
        timeline = shown(long_history())
        assert sum(len(one.bars) for one in timeline.lanes) <= BUDGET
        assert [bar.look for bar in lane(timeline, "echo-3").bars].count("fail") == 1
        assert timeline.note.startswith("What is less than ")

    def test_a_host_that_mostly_runs_is_seen_to_run(self) -> None:
        """Pauses too short to be seen do not add up to one; a long one is seen."""
        tape = together()
        for second in range(1, 600):
            tape.checkpoint(second)
        tape.add(600.5, "event", "host_a", "STOP").add(610.5, "event", "host_a", "RESUME").phase(700, "end")
        states = bars(lane(shown(tape), "host_a"))
        paused = [bar for bar in states if bar.look == "paused"]
        assert len(paused) == 1
        assert abs(paused[0].end - paused[0].start - 10) < 1
        assert sum(bar.end - bar.start for bar in states if bar.look == "running") > 680

    @in_a_crowd
    @given(st.lists(st.tuples(st.sampled_from(["ok", "fail", "info", None]), st.floats(0, 90), st.floats(0, 9))))
    def test_thinning_hides_nothing(self, told: list[tuple[str | None, float, float]]) -> None:
        """Where an operation was, there is a bar of its outcome, however many there are."""
        tape = Tape()
        for number in range(1000):
            tape.op(number / 10, "busy", "echo", took=0.03)
        for outcome, at, took in told:
            tape.op(at, "other", "echo", outcome=outcome, took=took)
        timeline = shown(tape.phase(100, "end"))
        for outcome, at, took in told:
            look, until = outcome or "open", at + took if outcome else 100
            assert any(
                bar.look == look and bar.start <= at and until <= bar.end + 1e-9 for bar in lane(timeline, "other").bars
            )
