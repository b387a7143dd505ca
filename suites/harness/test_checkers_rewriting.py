"""What a filter-rewriter did wrong is called by its name."""

import struct
from dataclasses import replace

import pytest

from colo_harness.history import Entry
from colo_harness.judge.paws import timestamps_taken, tsval
from colo_harness.judge.rewriting import rewritten
from colo_harness.proxy.session import Said, Session
from suites.harness.benches import OTHER, SESSION, TICKS, BenchTape, mapped, ticking
from suites.harness.histories import after, changed, is_a, without

ANSWER = SESSION.guest(b"answer")
STALE = ANSWER.due[:50] + b"\x00\x00" + ANSWER.due[52:]
LONGER = SESSION.guest(b"answers")
HALF_DONE = Said(ANSWER.sent[:42] + ANSWER.due[42:], b"")


def answered(*frames: bytes) -> list[Entry]:
    """Tell of the guest's answer and its datagram, and of what came out."""
    tape = BenchTape().said(0.1, "guest_in", "g1", ANSWER).sent(0.2, "guest_in", "g2", OTHER)
    for number, frame in enumerate(frames):
        tape.came(0.3 + number / 10, frame, "client_out")
    return tape.settled(2).entries


SAID = [
    ([ANSWER.sent, OTHER], "g1 came out with sequence number 500001, not 1001"),
    ([HALF_DONE.sent, OTHER], "g1 came out with sequence number 500001, not 1001"),
    ([STALE, OTHER], "g1 came out with a stale checksum"),
    ([ANSWER.due, OTHER, OTHER], "g2 came out doubled"),
    ([ANSWER.due, ANSWER.due, OTHER], "g1 came out doubled"),
    ([OTHER], "g1 was dropped: it did not come out"),
    ([OTHER, ANSWER.due], "g1 and g2 came out swapped"),
]


@pytest.mark.parametrize(("frames", "reason"), SAID)
def test_what_is_wrong_is_named(frames: list[bytes], reason: str) -> None:
    """By the frame's name, and the number that it should have."""
    verdict = rewritten(answered(*frames))
    assert (verdict.valid, verdict.reason) == ("invalid", reason)


def test_more_than_a_number_may_be_wrong() -> None:
    """Which is said too."""
    wrong = ANSWER.sent[:-1] + b"X"
    assert rewritten(answered(wrong, OTHER)).reason.endswith("sequence number 500001, not 1001, and more is wrong")


def test_a_stranger_is_one() -> None:
    """A frame of another session was sent by nobody."""
    verdict = rewritten(answered(ANSWER.due, OTHER, Session(9).guest(b"stranger").due))
    assert (verdict.valid, verdict.reason) == ("invalid", "? of 62 bytes came out, which nobody sent")


def test_a_bench_that_stands_still_is_a_breach() -> None:
    """Though everything came out."""
    stuck = [replace(entry, what="unsettled") if entry.what == "settled" else entry for entry in mapped()]
    assert rewritten(stuck).reason.startswith("frames no longer came out on both sides")


class TestLeftToTheReceiver:
    """A checksum that the virtio-net header leaves to the receiver."""

    def told(self, frame: bytes, header: bytes) -> str:
        """Return the reason for what came of an answer whose checksum was left to the receiver."""
        left = ANSWER.left_to_the_receiver()
        tape = BenchTape().said(0.1, "guest_in", "g1", left)
        tape.add(0.2, "frame", "client_out", "out", hex=frame.hex(), header=header.hex())
        return rewritten(tape.settled(0.3).entries).reason

    def test_it_may_be_left_to_him(self) -> None:
        """He counts the same sum as if it had not been."""
        left = Said(ANSWER.due, ANSWER.due).left_to_the_receiver()
        assert left.header
        assert self.told(left.sent, left.header) == "1 frames, each as it was due"

    def test_it_may_be_counted_for_him(self) -> None:
        """If he is told so."""
        assert self.told(ANSWER.due, bytes(10)) == "1 frames, each as it was due"

    def test_it_may_not_be_counted_twice(self) -> None:
        """What he then has is the sum of the pseudo header."""
        assert self.told(ANSWER.due, struct.pack("<BBHHHH", 1, 0, 0, 0, 34, 16)) == "g1 came out with a stale checksum"


class TestTimestampsTaken:
    """timestamps_taken."""

    @pytest.mark.parametrize(
        ("ahead", "valid"),
        [(0, "valid"), (1, "valid"), ((1 << 31) - 1, "valid"), (-1, "invalid"), (1 - (1 << 31), "invalid")],
    )
    def test_half_of_the_cycle_is_ahead(self, ahead: int, valid: str) -> None:
        """And half of it is behind."""
        clock = (4_000_000_000 + ahead) % (1 << 32)
        frame = SESSION.guest(b"tick", options=b"\x01\x01\x08\x0a" + clock.to_bytes(4) + bytes(4)).due
        told = without(ticking(), after(0.65, is_a("frame")))
        assert timestamps_taken(changed(told, after(0.5, is_a("frame", "out")), hex=frame.hex())).valid == valid

    def test_only_the_survivor_is_judged(self) -> None:
        """By what the client heard before."""
        early = SESSION.guest(b"tick", options=TICKS[1]).due
        assert timestamps_taken(changed(ticking(), is_a("frame", "out"), hex=early.hex())).valid == "valid"

    def test_options_are_found_wherever_they_are(self) -> None:
        """Behind others, and not beyond the end."""
        behind = b"\x02\x04\x05\xb4\x01\x01\x08\x0a" + (7).to_bytes(4) + bytes(4)
        assert tsval(SESSION.guest(options=behind).sent) == 7
        assert tsval(SESSION.guest(options=behind[:8]).sent) is None
        assert tsval(SESSION.guest(b"data").sent) is None
