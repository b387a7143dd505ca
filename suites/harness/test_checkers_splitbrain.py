"""What the guest's voice on the service network proves."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge.splitbrain import never_both_answer
from suites.harness.histories import Tape, changed, is_a, without
from suites.harness.managers import handed_over


def heard(*stretches: tuple[float, str], called: tuple[tuple[float, str], ...] = ()) -> str:
    """Judge voices, each from a moment on, and failovers to a host."""
    tape = Tape()
    for at, host in stretches:
        tape.add(at, "observe", host, "voice", value=1, until=at)
    for at, host in called:
        tape.phase(at, "failover", host=host)
    return never_both_answer(tape.entries).valid


@pytest.mark.parametrize(
    ("stretches", "called", "valid"),
    [
        (((1, "host_a"),), (), "valid"),
        (((1, "host_a"), (2, "host_b")), (), "invalid"),
        (((1, "host_a"), (2, "host_b")), ((3, "host_b"),), "invalid"),
        (((1, "host_a"), (2, "host_b"), (3, "host_a")), ((1.5, "host_b"),), "invalid"),
        (((1, "host_a"), (2, "host_b"), (3, "host_a")), ((1.5, "host_b"), (2.5, "host_a")), "valid"),
        (((1, "host_a"), (2, "host_b"), (3, "host_a")), ((1.4, "host_a"), (1.5, "host_b")), "invalid"),
        (((1, "host_a"), (2, "host_b")), ((0.5, "host_b"),), "valid"),
    ],
    ids=["one", "uncalled", "too-early", "old-primary-wakes", "there-and-back", "called-before", "called-long-ago"],
)
def test_the_voice_moves_by_a_failover_alone(
    stretches: tuple[tuple[float, str], ...], called: tuple[tuple[float, str], ...], valid: str
) -> None:
    """Each time anew."""
    assert heard(*stretches, called=called) == valid


def test_it_says_who_is_heard_and_who_should_be() -> None:
    """And from when on."""
    verdict = never_both_answer(changed(handed_over(), is_a("phase", "failover"), host="host_a"))
    assert verdict.reason == "host_b is heard, 70 frames from 5.300 s on, where host_a is the guest's host"
    assert verdict.at == 5.3


@pytest.mark.parametrize(
    "entries",
    [
        changed(handed_over(), is_a("observe", "frames-dropped"), value=3),
        changed(handed_over(), is_a("observe", "voice", "host_b"), until=5.35),
        without(handed_over(), is_a("observe", "voice", "host_b")),
    ],
    ids=["frames-dropped", "promoted-and-silent-since", "promoted-and-silent"],
)
def test_silence_may_prove_nothing(entries: list[Entry]) -> None:
    """Frames may have been missed; a port at which nothing was heard may be deaf."""
    assert never_both_answer(entries).valid == "unknown"
