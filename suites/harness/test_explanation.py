"""An explanation finds the reason of each checkpoint, and tells it to people and programs."""

import io

import pytest
from rich.console import Console

from colo_harness.cli.account import document, said, sentences, table
from colo_harness.history import Entry
from colo_harness.judge.explanation import Explanation, explain, recorded
from colo_harness.judge.moments import Window
from colo_harness.proxy.flow import Flow
from suites.harness.histories import Tape, changed, is_a, without

FLOW = Flow(guest_port=7)
WATCHED = Window(1.0, 20.0, delay_s=5.0)


def explained(entries: list[Entry]) -> Explanation:
    """Explain a history that has its frames in it."""
    return explain(entries, recorded(entries), WATCHED)


def frame(tape: Tape, at: float, ear: str, content: bytes) -> Tape:
    """Add a frame of one of colo-compare's streams."""
    return tape.add(at, "frame", ear, "in", hex=content.hex())


def silent() -> list[Entry]:
    """Tell of a datagram of the primary's that waits from 2 s on in vain, and is found at 3.1 s."""
    tape = frame(Tape(), 2.0, "primary_in", FLOW.udp(b"hello"))
    return tape.add(3.1, "trace", "host_a", "colo_old_packet_check_found", message="2.001").checkpoint(3.106).entries


def test_a_time_out_names_the_frame_that_waited() -> None:
    """And the side that said it."""
    (cause,) = explained(silent()).causes
    assert (cause.reason, cause.side, cause.since, str(cause.flow)) == (
        *("timeout", "primary", 2.0),
        "udp 10.0.0.1:7 to 10.0.0.2:40000",
    )
    assert said(cause) == "a frame of the primary had waited 1.10 s for the secondary's"


def test_a_time_out_names_what_the_checkpoint_before_had_let_go() -> None:
    """The secondary answered once more what it had been asked before."""
    tape = Tape()
    tape.entries = silent()
    frame(tape, 3.2, "secondary_in", FLOW.udp(b"hello"))
    tape.add(4.3, "trace", "host_a", "colo_old_packet_check_found", message="3.200").checkpoint(4.306)
    cause = explained(tape.entries).causes[1]
    assert (cause.side, cause.again) == ("secondary", True)
    assert said(cause).endswith("for the primary's (the checkpoint before had let go one like it)")


@pytest.mark.parametrize(("born", "port"), [("2.001", 7), ("2.499", 8)])
def test_a_time_out_names_the_right_frame(born: str, port: int) -> None:
    """Of several that wait, the one that came when QEMU says."""
    tape = frame(Tape(), 2.0, "primary_in", FLOW.udp(b"hello"))
    frame(tape, 2.5, "primary_in", FLOW.changed(guest_port=8).udp(b"hello"))
    tape.add(3.6, "trace", "host_a", "colo_old_packet_check_found", message=born).checkpoint(3.606)
    (cause,) = explained(tape.entries).causes
    assert cause.flow
    assert cause.flow.guest_port == port


def test_a_time_out_of_a_frame_that_was_not_seen_is_told_as_that() -> None:
    """It is one all the same."""
    (cause,) = explained(without(silent(), is_a("frame"))).causes
    assert (cause.reason, said(cause)) == ("timeout", "a frame waited too long; which one was not seen")


@pytest.mark.parametrize(("gap", "reason"), [(5.0, "due"), (4.95, "due"), (4.5, "unexplained"), (9.0, "due")])
def test_a_checkpoint_is_due_when_the_delay_is_over(gap: float, reason: str) -> None:
    """Earlier it has no reason."""
    told = explained(Tape().add(1.5, "event", "host_a", "STOP").checkpoint(6.5).checkpoint(6.5 + gap).entries)
    assert [cause.reason for cause in told.causes] == ["due", reason]
    assert told.forced == []


@pytest.mark.parametrize("phase", ["checkpoint", "delay"])
def test_a_checkpoint_that_was_asked_for_says_so(phase: str) -> None:
    """By the harness itself."""
    (cause,) = explained(Tape().phase(1.9, phase).checkpoint(2.0).entries).causes
    assert cause.reason == "asked"


def test_the_first_reason_since_the_commit_counts() -> None:
    """What comes between request and commit is settled by it; what comes after has its own."""
    tape = frame(frame(Tape(), 2.0, "primary_in", FLOW.udp(b"A")), 2.001, "secondary_in", FLOW.udp(b"B"))
    tape.phase(2.002, "checkpoint").checkpoint(2.01).phase(2.03, "checkpoint")
    tape.phase(3.0, "checkpoint").checkpoint(3.01)
    assert [cause.reason for cause in explained(tape.entries).causes] == ["payload", "asked"]


def busy(*, differing: int) -> list[Entry]:
    """Tell of ten datagrams a second apart, of which the last few differ and wait for a checkpoint each."""
    tape = Tape()
    for number in range(10):
        at, is_equal = 2.0 + number, number < 10 - differing
        frame(tape, at, "primary_in", FLOW.changed(peer_port=40_000 + number % 2).udp(b"n A"))
        other = b"n A" if is_equal else b"n B"
        frame(tape, at + 0.001, "secondary_in", FLOW.changed(peer_port=40_000 + number % 2).udp(other))
        if not is_equal:
            tape.checkpoint(at + 0.01)
        frame(tape, at + 0.041, "outdev", FLOW.changed(peer_port=40_000 + number % 2).udp(b"n A"))
    return tape.entries


@pytest.mark.parametrize(("differing", "suits", "longest"), [(0, "well", 19.0), (1, "fairly", 10.0), (4, "badly", 9.0)])
def test_a_verdict_counts_what_was_forced(differing: int, suits: str, longest: float) -> None:
    """And how long there was quiet."""
    told = explained(busy(differing=differing))
    assert (told.suits, len(told.forced), told.passed, told.held) == (suits, differing, 10 - differing, differing)
    assert told.longest == pytest.approx(longest, abs=0.1)


def test_a_guest_that_says_nothing_proves_nothing() -> None:
    """Its checkpoints come all the same."""
    assert explained(Tape().add(1.5, "event", "host_a", "STOP").checkpoint(7.0).entries).suits == "unknown"


def test_what_is_alike_stands_in_one_line() -> None:
    """With the number of checkpoints and of sessions, and the byte that differed first."""
    shown = Console(file=io.StringIO(), width=120, record=True)
    shown.print(table(explained(busy(differing=4))))
    lines = [line.rstrip() for line in shown.export_text().splitlines()]
    assert lines[0].split() == ["checkpoints", "why", "of", "what", "was", "seen", "first", "at"]
    assert lines[1].split(maxsplit=1) == [
        "4",
        "payload   udp 10.0.0.1:7 (2 sessions)   byte 2: primary 0x41 'A', secondary 0x42 'B'   7.00 s",
    ]
    assert len(lines) == 2


def test_the_verdict_is_told_with_its_figures() -> None:
    """In sentences."""
    assert [sentence.plain for sentence in sentences(explained(busy(differing=4)))] == [
        "This workload suits COLO badly: it forced a checkpoint every 4.8 s.",
        "4 of 4 checkpoints in 19.0 s were forced (100 %)",
        "9.0 s was the longest stretch without a forced one",
        "6 of 10 frames to clients went out without a checkpoint (60 %), 4 waited for one, 0 wait still",
    ]


def test_frames_that_go_out_unexpectedly_leave_a_doubt() -> None:
    """colo-compare did not decide as was supposed."""
    missing = without(busy(differing=1), is_a("frame", who="outdev"))
    *_, last = sentences(explained(missing))
    assert last.plain == "0 frames were seen to go out where 10 were expected: the reasons may be wrong"


def test_programs_get_each_checkpoint() -> None:
    """With its flow, its byte and the sentence that people get."""
    told = document(explained(busy(differing=1)))
    (cause,) = told["checkpoints"]
    assert (cause["at"], cause["reason"], cause["offset"], cause["primary"], cause["secondary"]) == (
        *(10.005, "payload", 2),
        *(65, 66),
    )
    assert cause["flow"]["guest_port"] == 7
    assert cause["said"] == "byte 2: primary 0x41 'A', secondary 0x42 'B'"
    assert told["frames"] == {"passed": 9, "held": 1, "waiting": 0, "out": 10}


def test_frames_before_the_watch_do_not_count() -> None:
    """Nor do its checkpoints, but what waits then still does."""
    early = changed(busy(differing=1), is_a("frame", who="primary_in"), at=0.5)
    assert explained(early).passed == 9
