"""What came out of a bench, and what was done to it on the way, is called by its name."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge.asking import AskedBetween, AsksApart
from colo_harness.judge.seen import Saw
from colo_harness.judge.strain import came_once
from colo_harness.proxy.flow import Flow, Ip
from suites.harness.benches import ONE, OTHER, STEPS, THREE, TWO, BenchTape, compared, waited
from suites.harness.histories import changed, is_a, without


def out(frames: list[bytes]) -> list[Entry]:
    """Tell of the three frames that go in in `compared`, and of what comes out."""
    tape = BenchTape()
    for at, (name, frame) in enumerate({"1": ONE, "2": TWO, "3": THREE}.items()):
        tape.sent(at / 10, "primary_in", f"p{name}", frame)
    for at, frame in enumerate(frames):
        tape.came(1 + at / 10, frame)
    return tape.settled(2).entries


def altered(frame: bytes, place: int, value: int) -> bytes:
    """Return the frame with another byte at `place`, counted from 1."""
    return frame[: place - 1] + bytes([value]) + frame[place:]


SAID = [
    ([ONE, THREE, TWO], "in step 1 p2 and p3 came out swapped"),
    ([ONE, altered(TWO, 55, 0xFF), THREE], "in step 1 p2 came out changed at byte 55 (0x74 as 0xff)"),
    ([altered(ONE, 1400, 0x41), TWO, THREE], "in step 1 p1 came out changed at byte 1400 (0x00 as 0x41)"),
    ([ONE, altered(TWO, 51, 1), THREE], "in step 1 p2 came out with a stale checksum"),
    ([ONE, TWO, altered(THREE, 41, 1)], "in step 1 p3 came out with a stale checksum"),
    ([ONE, TWO, TWO, THREE], "in step 1 p2 came out doubled"),
    ([ONE, THREE], "in step 1 p2 was dropped: it did not come out"),
    ([ONE, TWO, THREE, b"stranger"], "in step 1 ? of 8 bytes came out, which nobody sent"),
]


@pytest.mark.parametrize(("frames", "said"), SAID, ids=[said.split(maxsplit=3)[3] for _, said in SAID])
def test_what_was_done_to_a_frame_is_named(frames: list[bytes], said: str) -> None:
    """In one clause, with the frame and the byte."""
    verdict = Saw(("p1 p2 p3",))(out(frames))
    assert (verdict.valid, verdict.reason) == ("invalid", said)


def test_a_request_that_is_missing_or_needless_is_named() -> None:
    """A checkpoint is asked for where it should, and nowhere else."""
    mute = without(compared(), is_a("frame", "out", "notify_dev"))
    assert Saw(STEPS)(mute).reason == "in step 2 no checkpoint was asked for"
    needless = Saw(("p1 p2", "", "p3"))(compared())
    assert needless.reason == "in step 2 a checkpoint was asked for without cause"


def test_more_requests_than_one_are_one() -> None:
    """At least one is promised, not how many."""
    entries = BenchTape().sent(0, "primary_in", "p1", ONE).asked(0.1).asked(0.2).settled(0.3).entries
    assert Saw(("ask",))(entries).valid == "valid"


def test_frames_of_the_secondary_are_told_apart() -> None:
    """A frame that only the secondary sent is its own, whatever came out of the primary's."""
    tape = BenchTape().sent(0, "secondary_in", "s1", OTHER).came(0.1, OTHER).settled(0.2)
    assert Saw(("",))(tape.entries).reason == "in step 1 s1 came out, which the secondary sent, and should not"
    assert came_once([*BenchTape().sent(0, "primary_in", "p1", ONE).entries, *tape.entries]).valid == "invalid"


def test_a_frame_may_come_too_early() -> None:
    """What comes out a step before its time is no pass in the end."""
    early = Saw(("", "p1"))(BenchTape().sent(0, "primary_in", "p1", ONE).came(1, ONE).settled(2).settled(3).entries)
    assert early.reason == "in step 1 p1 came out, and should not; in step 2 p1 was dropped: it did not come out"


def test_a_step_that_does_not_settle_is_broken() -> None:
    """Equal frames from both sides must always come out."""
    stuck = Saw(("p1",))(BenchTape().sent(0, "primary_in", "p1", ONE).came(1, ONE).settled(2, "unsettled").entries)
    assert (stuck.valid, stuck.reason) == ("invalid", "in step 1 equal frames from both sides no longer came out")


def test_steps_that_were_not_told_of_leave_a_doubt() -> None:
    """And so do those that did not happen."""
    assert Saw(STEPS[:2])(compared()).valid == "unknown"
    assert Saw((*STEPS, ""))(compared()).valid == "unknown"
    assert Saw((*STEPS[:2], "*"))(compared()).valid == "valid"


def test_ip_options_move_the_checksum() -> None:
    """It is looked for behind the header, however long that is."""
    frame = Flow(ip=Ip(options=b"\1\1\1\0")).tcp(b"text")
    tape = BenchTape().sent(0, "primary_in", "p1", frame).came(1, altered(frame, 55, frame[54] ^ 1)).settled(2)
    assert Saw(("p1",))(tape.entries).reason == "in step 1 p1 came out with a stale checksum"


def test_each_lone_frame_is_waited_for() -> None:
    """One that was never asked about is named; sooner or later than promised is wrong."""
    assert AskedBetween(0.4, 0.6)(without(waited(), is_a("frame", "out"))).reason == "p1 was never asked about"
    assert AskedBetween(0.6, 0.9)(waited()).reason == "p1 was asked about after 0.500 s, not 0.6 to 0.9 s"
    assert AskedBetween(0.1, 0.3)(waited()).valid == "invalid"


def test_requests_keep_their_distance() -> None:
    """Too near, too far and too few are all wrong."""
    assert AsksApart(3, 0.3, 0.5)(waited()).valid == "invalid"
    assert AsksApart(4, 0.1, 0.5)(waited()).reason == "asked 3 times, not 4"
    assert AsksApart(3, 0.1, 0.15)(changed(waited(), is_a("frame", "out"), at=1.6)).valid == "invalid"
