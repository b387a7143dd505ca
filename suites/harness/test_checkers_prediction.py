"""What a client got of a pair is held against the model, against what was let out, and against the bench."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge.prediction import ClientGotAsPredicted
from suites.harness.benches import ONE, OTHER, THREE, BenchTape, delivered
from suites.harness.histories import Match, is_a, without

WRONG: dict[str, tuple[Match, str]] = {
    "unsaid": (is_a("frame", "in", "secondary_in"), "p0 came out, but 1440 of its 1440 bytes were not said"),
    "lost": (is_a("frame", "out", "client"), "the client got 0 packets, not the 1 that the pair let out"),
    "another": (is_a("frame", "out", "bench"), "the bench let out 0 packets, not the 1 that the pair let out"),
    "foreign": (is_a("frame", "in", "primary_in"), "a frame was let out that the primary did not send, or twice"),
}


@pytest.mark.parametrize(("missing", "said"), WRONG.values(), ids=list(WRONG))
def test_each_stage_is_held_against_the_others(missing: Match, said: str) -> None:
    """Whatever one of them lacks is told."""
    entries = delivered()
    first = next(entry for entry in entries if missing(entry))
    verdict = ClientGotAsPredicted(2)(without(entries, lambda entry: entry is first))
    assert verdict.valid == "invalid"
    assert said in verdict.reason


def test_what_was_due_and_did_not_come_out_is_told() -> None:
    """Although nothing came out at the bench or at the client either."""
    kept = without(delivered(), lambda entry: entry.what == "out" and entry.data.get("hex") != ONE.hex())
    assert "was kept back" in ClientGotAsPredicted(1)(kept).reason


def test_another_packet_of_a_flow_is_told() -> None:
    """By its place."""
    entries = delivered()
    changed = [
        _as_other(entry) if entry.who == "client" and entry.data["packet"] == THREE[14:].hex() else entry
        for entry in entries
    ]
    assert "packet 1 is another" in ClientGotAsPredicted(2)(changed).reason


def test_what_a_commit_lets_out_need_not_have_been_said() -> None:
    """The model hears of checkpoints by the message that commits them."""
    tape = BenchTape().add(0.1, "frame", "primary_in", "in", hex=ONE.hex())
    tape.message(0.2, "host_a", "receive", "vmstate-received").came(0.3, ONE)
    for who in ("client", "bench"):
        tape.add(0.4, "frame", who, "out", packet=ONE[14:].hex())
    assert ClientGotAsPredicted(1)(tape.entries).valid == "valid"


def _as_other(entry: Entry) -> Entry:
    return Entry(entry.at, entry.kind, entry.who, entry.what, {"packet": OTHER[14:].hex()}, entry.line)
