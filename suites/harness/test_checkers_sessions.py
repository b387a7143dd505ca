"""What happens to a single record, acknowledgement or answer is never overlooked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.history import Entry
from colo_harness.judge import (
    Opened,
    StallBelow,
    exercised,
    new_sessions_open,
    no_reset,
    nothing_lost,
    survivors_run,
)
from colo_harness.judge.operations import ledger
from suites.harness.histories import Tape, changed, ended, failover, in_a_crowd, is_a, without

KINDS = ("echo", "download", "upload", "http")
SESSIONS = st.lists(st.integers(0, 3), min_size=8, max_size=30)


def interleaved(turns: list[int]) -> list[Entry]:
    """Return a history in which the sessions of `turns` do one record after the other."""
    tape, done = Tape(), dict.fromkeys(range(4), 0)
    for at, session in enumerate(turns):
        tape.echo(at, done[session], who=f"{KINDS[session]}-0", what=KINDS[session], took=0.5)
        done[session] += 1
    return tape.entries


def in_the_middle(entries: list[Entry]) -> list[int]:
    """Return the numbers of the operations that have one before and one after them in their session."""
    ops = ledger(entries).ops
    return [
        op.number
        for op in ops
        if op.asked["n"] and any(other.who == op.who and other.asked["n"] > op.asked["n"] for other in ops)
    ]


class TestRecords:
    """nothing_lost, on any interleaving of sessions."""

    @in_a_crowd
    @given(SESSIONS)
    def test_a_whole_history_is_valid(self, turns: list[int]) -> None:
        """Each session counts its own records."""
        assert nothing_lost(interleaved(turns)).valid == "valid"

    @in_a_crowd
    @given(SESSIONS, st.data())
    def test_a_dropped_answer_is_no_pass(self, turns: list[int], data: st.DataObject) -> None:
        """It is invalid, or unknown if it was the session's last word."""
        entries = interleaved(turns)
        middle = in_the_middle(entries)
        victim = data.draw(st.sampled_from([entry for entry in entries if entry.data["type"] == "ok"]))
        verdict = nothing_lost([entry for entry in entries if entry is not victim])
        firsts = [op.number for op in ledger(entries).ops if not op.asked["n"]]
        last = victim.data["op"] not in middle and victim.data["op"] not in firsts
        assert verdict.valid in (("unknown",) if last else ("invalid", "unknown"))
        assert victim.data["op"] not in middle or verdict.valid == "invalid"

    @in_a_crowd
    @given(SESSIONS, st.data())
    def test_a_dropped_record_is_invalid(self, turns: list[int], data: st.DataObject) -> None:
        """A record that was neither sent nor answered leaves a gap."""
        entries = interleaved([*turns, 0, 0, 0])
        number = data.draw(st.sampled_from(in_the_middle(entries)))
        verdict = nothing_lost([entry for entry in entries if entry.data["op"] != number])
        assert verdict.valid == "invalid"

    @in_a_crowd
    @given(SESSIONS, st.data())
    def test_a_repeated_answer_is_invalid(self, turns: list[int], data: st.DataObject) -> None:
        """One question has one answer."""
        entries = interleaved(turns)
        twice = data.draw(st.sampled_from([entry for entry in entries if entry.data["type"] == "ok"]))
        later = replace(twice, at=twice.at + data.draw(st.floats(0, 40)))
        assert nothing_lost([*entries, later]).valid == "invalid"

    @in_a_crowd
    @given(SESSIONS, st.data())
    def test_a_repeated_record_is_invalid(self, turns: list[int], data: st.DataObject) -> None:
        """A number that was used is not used again."""
        entries = interleaved(turns)
        number = data.draw(st.sampled_from([entry.data["op"] for entry in entries]))
        again = [
            replace(entry, at=entry.at + 0.1, data={**entry.data, "op": 1000})
            for entry in entries
            if entry.data["op"] == number
        ]
        assert nothing_lost([*entries, *again]).valid == "invalid"

    @in_a_crowd
    @given(SESSIONS, st.data())
    def test_a_changed_answer_is_invalid(self, turns: list[int], data: st.DataObject) -> None:
        """The digests of what was due and what came must be equal."""
        entries = interleaved(turns)
        victim = data.draw(st.sampled_from([entry for entry in entries if entry.data["type"] == "ok"]))
        other = data.draw(st.text().filter(lambda text: text != victim.data["got"]))
        verdict = nothing_lost(changed(entries, lambda entry: entry is victim, got=other))
        assert verdict.valid == "invalid"
        assert victim.line in verdict.lines

    def test_swapped_answers_are_invalid(self) -> None:
        """On one stream, answers come in the order of the questions."""
        tape = Tape().echo(1, 0, took=1.0).echo(1.1, 1, took=0.1)
        assert nothing_lost(tape.entries).valid == "invalid"

    def test_a_datagram_may_get_lost_but_not_be_invented(self) -> None:
        """UDP and ICMP promise no more."""
        lost = Tape().echo(1, 0, what="udp").op(2, "udp-0", "udp", {"n": 1}, {"error": "TimeoutError"}, outcome="info")
        asked = {"n": 0, "at": 3, "transport": "udp"}
        lost.op(3, "differ-0", "differ", asked, {"error": "TimeoutError"}, outcome="info")
        assert nothing_lost(lost.entries).valid == "valid"
        invented = Tape().echo(1, 0, what="ping").add(2, "op", "echo-0", "ping", op=7, type="ok", sent="x", got="x")
        assert nothing_lost(invented.entries).valid == "invalid"

    def test_a_wrong_answer_is_told_in_the_clients_words(self) -> None:
        """The reason carries what the client found."""
        tape = Tape().op(1, "echo-0", "echo", {"n": 0}, {"wrong": "byte 3 is 'x'"}, outcome="fail")
        assert "byte 3 is 'x'" in nothing_lost(tape.entries).reason

    def test_an_answer_without_digests_is_unknown(self) -> None:
        """What cannot be compared is not right."""
        assert nothing_lost(Tape().op(1, "echo-0", "echo", {"n": 0}).entries).valid == "unknown"


class TestOpenings:
    """On which side of the last checkpoint a session was opened."""

    @pytest.mark.parametrize(("at", "before", "after"), [(1.1, "valid", "unknown"), (4.5, "unknown", "valid")])
    def test_a_session_lies_on_one_side(self, at: float, before: str, after: str) -> None:
        """The checkpoint at 4 s, which was asked for, ended at 4.05 s; the primary died at 5 s."""
        entries = [replace(e, at=at) if e.what == "connect" and e.at < 2 else e for e in failover()]
        entries.append(Entry(3.9, "phase", "pair", "checkpoint"))
        assert (Opened("before")(entries).valid, Opened("after")(entries).valid) == (before, after)

    def test_a_session_must_not_need_a_checkpoint(self) -> None:
        """Nobody asked for the one at 2 s, the first after the session was opened."""
        verdict = Opened("after")(failover())
        assert (verdict.valid, verdict.at) == ("invalid", 2)

    def test_a_checkpoint_under_way_is_neither(self) -> None:
        """The fault fell in its middle."""
        entries = without(failover(), lambda entry: entry.what == "RESUME" and entry.at > 4)
        assert Opened("before")(entries).valid == Opened("after")(entries).valid == "unknown"


class TestConnections:
    """no_reset, new_sessions_open, stall_below, survivors_run, exercised."""

    @pytest.mark.parametrize("error", ["ConnectionResetError", "EOFError", "TimeoutError", "BrokenPipeError"])
    def test_each_way_to_lose_a_connection_is_a_reset(self, error: str) -> None:
        """Even when nothing but the goodbye was due."""
        tape = Tape().echo(1, 0).op(2, "echo-0", "close", None, {"error": error}, outcome="info")
        assert no_reset(tape.entries).valid == "invalid"

    def test_a_lost_datagram_is_no_reset(self) -> None:
        """There is no connection to lose."""
        tape = Tape().echo(1, 0).op(2, "ping-0", "ping", {"n": 0}, {"error": "TimeoutError"}, outcome="info")
        assert no_reset(tape.entries).valid == "valid"

    def test_what_the_client_itself_broke_off_is_unknown(self) -> None:
        """A crowd that is stopped says nothing about the product."""
        tape = Tape().echo(1, 0).op(2, "echo-0", "echo", {"n": 1}, {"error": "stopped"}, outcome="info")
        assert no_reset(tape.entries).valid == "unknown"

    def test_an_answer_that_never_came_is_a_stall(self) -> None:
        """If the history goes on for longer than it may take, otherwise nobody knows."""
        hung = without(failover(), ended("echo", got="512:00000003"))
        assert StallBelow(margin_s=0.5)(hung).valid == "invalid"
        assert StallBelow(margin_s=9)(hung).valid == "unknown"

    def test_the_limit_grows_with_the_time_that_the_failover_took(self) -> None:
        """TCP doubles its timer; 3 s lost may be 3 s more."""
        tape = Tape().fault(1, "inject").fault(1, "bitten").echo(1.5, 0, took=5.0).phase(4, "promoted", host="host_b")
        assert StallBelow(margin_s=0.1)(tape.entries).valid == "valid"
        slow = Tape().fault(1, "inject").fault(1, "bitten").echo(1.5, 0, took=5.7).phase(4, "promoted", host="host_b")
        verdict = StallBelow(margin_s=0.1)(slow.entries)
        assert verdict.valid == "invalid"
        assert verdict.reason == ("echo-0 echo(n=0): the answer came 3.200 s after 4.000 s, 3.100 s allowed")

    def test_what_had_arrived_before_proves_nothing(self) -> None:
        """Records that lay in the client's kernel acknowledge nothing after a failover."""
        entries = without(failover(), lambda entry: entry.kind == "op" and entry.at > 5.3)
        early = Tape().op(6, "download-0", "download", {"n": 1, "early": True}, {"sent": "x", "got": "x"}).entries
        early = [replace(entry, data={**entry.data, "op": 99}) for entry in early]
        assert exercised([*entries, *early]).valid == "unknown"

    def test_healing_ends_a_fault_that_has_no_promotion(self) -> None:
        """Such as a partition that is mended."""
        tape = (
            Tape().echo(1, 0).fault(2, "inject").fault(2.1, "bitten").fault(3, "heal").fault(3.1, "healed").echo(4, 1)
        )
        assert exercised(tape.entries).valid == "valid"
        assert exercised(without(tape.entries, is_a("fault", type="bitten"))).valid == "unknown"
        assert exercised(tape.entries[:-2]).valid == "unknown"

    def test_a_guest_that_dials_out_is_a_new_session_too(self) -> None:
        """Whoever opened it."""
        tape = Tape().phase(1, "promoted", host="host_b").op(2, "dialled-0", "dial")
        assert new_sessions_open(tape.entries).valid == "valid"

    def test_the_last_status_counts(self) -> None:
        """What was asked before the promotion does not."""
        tape = Tape().add(1, "observe", "host_b", "query-status", value={"running": True, "status": "running"})
        assert survivors_run(tape.phase(2, "promoted", host="host_b").entries).valid == "unknown"
