"""What came out where, on a bench with more than one way out, is called by its name."""

import pytest

from colo_harness.judge.refusals import Refused
from colo_harness.judge.routes import Routed
from suites.harness.benches import ONE, OTHER, ROUTES, THREE, TWO, BenchTape, refused, routed
from suites.harness.histories import changed, is_a, without


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("outdev:n1-n2 guest:n1", "*", "guest:i1"), "at guest in step 1 n2 came out, and should not"),
        (("outdev:n2,n1 guest:n1-n2", "*", "guest:i1"), "at outdev in step 1 n2 and n1 came out swapped"),
        (("outdev:n1-n3 guest:n1-n2", "*", "guest:i1"), "at outdev in step 1 n3 was dropped: it did not come out"),
        (("outdev:n1-n2 guest:n1-n2", "", "guest:i1"), "at elsewhere in step 2 n3 came out, and should not"),
        (("outdev:n1-n2 guest:n1-n2", "*", "net:i1"), "at guest in step 3 i1 came out, and should not"),
    ],
    ids=["too many", "swapped", "too few", "elsewhere", "another way"],
)
def test_what_is_wrong_is_named(steps: tuple[str, ...], said: str) -> None:
    """In one clause, with port, step and frame."""
    verdict = Routed(steps)(routed())
    assert verdict.valid == "invalid"
    assert said in verdict.reason


def test_a_frame_may_come_out_at_more_ports_than_one() -> None:
    """At each once: the second time at one port it is doubled."""
    twice = BenchTape().sent(0, "net", "n1", ONE).came(1, ONE).came(2, ONE).settled(3).entries
    assert Routed(("outdev:n1",))(twice).reason == "at outdev in step 1 n1 came out doubled"


def test_what_may_stay_away_may_come() -> None:
    """But only as it was sent, once, and in its place."""
    entries = BenchTape().sent(0, "net", "n1", ONE).sent(0.1, "net", "n2", TWO).came(1, TWO).settled(2).entries
    assert Routed(("outdev:n1?,n2",))(entries).valid == "valid"
    assert Routed(("outdev:n1,n2?",))(entries).valid == "invalid"
    strange = changed(entries, is_a("frame", "out"), hex=THREE.hex())
    assert Routed(("outdev:n1-n2?",))(strange).reason.startswith("at outdev in step 1 ? of")


def test_half_a_frame_is_no_frame() -> None:
    """What stays of a stream when all is done is told with its port."""
    entries = BenchTape().sent(0, "net", "n1", ONE).add(1, "phase", "bench", "settled", halves={"outdev": "0000"})
    assert Routed(("",))(entries.entries).reason == "at outdev in step 1 2 bytes came out that make no whole frame"


def test_a_step_that_does_not_settle_is_broken() -> None:
    """QEMU's main loop must always go round."""
    stuck = BenchTape().sent(0, "net", "n1", OTHER).settled(1, "unsettled").entries
    assert Routed(("",))(stuck).reason == "in step 1 QEMU no longer took in anything"


def test_what_names_no_frames_decides_nothing() -> None:
    """A typing error is no verdict on QEMU."""
    assert Routed(("outdev:n1 guest",))(routed()).valid == "unknown"
    assert Routed(ROUTES[:2])(routed()).valid == "unknown"


def test_a_refusal_in_other_words_is_named() -> None:
    """With what was asked for, what QEMU said and what it should have said."""
    told = Refused(("not found", "not found"))(refused()).reason
    assert told == "an object with outdev=b was refused with \"chardev 'b' is already in use\", not 'not found'"
    made = without(changed(refused(), is_a("observe"), value=None), is_a("phase"))
    assert Refused(("not found", "in use"))(made).reason == "an object with outdev=a was made"
