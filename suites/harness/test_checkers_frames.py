"""What the guest's frames on the service network prove."""

import pytest

from colo_harness.judge.delivery import DeliveredInOrder
from colo_harness.judge.frames import SecondarySilent, TimestampsGoOn
from colo_harness.judge.reasons import ForcedBy
from colo_harness.proxy.flow import Flow
from suites.harness.histories import Tape, after, changed, crossing, held_back, is_a, without


class TestSecondarySilent:
    """secondary_silent."""

    def test_a_frame_of_any_kind_is_one_too_many(self) -> None:
        """The guest's address alone would already move the switch's port."""
        early = changed(crossing(), is_a("frame", who="host_b"), at=3)
        assert SecondarySilent()(early).reason == "host_b sent a frame (tcp) before its promotion"

    def test_without_a_failover_the_secondary_stays_one(self) -> None:
        """Whatever it sends is a leak."""
        assert SecondarySilent()(without(crossing(), is_a("phase", "failover"))).valid == "invalid"

    def test_silence_of_both_proves_nothing(self) -> None:
        """Nor does that of a port on which nothing was ever seen."""
        assert SecondarySilent()(without(crossing(), is_a("frame", who="host_a"))).valid == "unknown"
        assert SecondarySilent()(without(crossing(), is_a("frame", who="host_b"))).valid == "unknown"

    def test_a_fault_that_did_not_bite_proves_nothing(self) -> None:
        """The stream was to be cut."""
        assert SecondarySilent()(without(crossing(), is_a("fault", type="bitten"))).valid == "unknown"


class TestTimestampsGoOn:
    """timestamps_go_on."""

    @pytest.mark.parametrize(("tsval", "valid"), [(2590, "valid"), (4500, "valid"), (4700, "invalid"), (600, "valid")])
    def test_the_clock_runs_on_within_the_tolerance(self, tsval: int, valid: str) -> None:
        """700 ms pass between the hosts, 2 s either way are allowed."""
        assert TimestampsGoOn()(changed(crossing(), is_a("frame", who="host_b"), tsval=tsval)).valid == valid

    def test_a_jump_backwards_is_told_as_one(self) -> None:
        """More than half a cycle ahead is behind."""
        verdict = TimestampsGoOn()(changed(crossing(), is_a("frame", who="host_b"), tsval=3451065255))
        assert verdict.valid == "invalid"
        assert verdict.reason == "TSval to port 40000 went from 1900 to 3451065255 (-843903941) in 700 ms"

    def test_only_the_first_segment_of_the_survivor_counts(self) -> None:
        """What follows is one side's own clock."""
        assert TimestampsGoOn()(changed(crossing(), after(5.9, is_a("frame")), tsval=9)).valid == "valid"


@pytest.mark.parametrize("checker", [SecondarySilent(), TimestampsGoOn()], ids=lambda checker: checker.name)
def test_frames_that_were_dropped_leave_a_doubt(checker: SecondarySilent | TimestampsGoOn) -> None:
    """What was not seen may have been there; unless the rest is enough to say no."""
    lossy = changed(crossing(), is_a("observe"), value=3)
    assert checker(lossy).valid == "unknown"
    assert checker(without(crossing(), is_a("observe"))).valid == "unknown"


class TestDeliveredInOrder:
    """delivered_in_order."""

    @staticmethod
    def told(sent: str, out: str, protocol: str = "tcp") -> str:
        """Judge segments a to c, or datagrams, that were sent and went out so; a checkpoint lets all go."""
        flow, tape = Flow(), Tape()
        frames = {
            letter: flow.tcp(letter.encode(), seq=1000 + "abc".index(letter.lower()), ack=1 + letter.isupper())
            if protocol == "tcp"
            else flow.udp(letter.encode())
            for letter in "abcABC"
        }
        for at, letter in enumerate(sent):
            tape.add(1 + at / 1000, "frame", "primary_in", "in", hex=frames[letter].hex())
        tape.checkpoint(2)
        for at, letter in enumerate(out):
            tape.add(2.04 + at / 1000, "frame", "outdev", "out", hex=frames[letter].hex())
        verdict = DeliveredInOrder(protocol, held=1)(tape.entries)
        return verdict.valid if verdict.valid == "valid" else verdict.reason.rpartition(" ")[2]

    @pytest.mark.parametrize(
        ("sent", "out", "said"),
        [
            ("abc", "abc", "valid"),
            ("abc", "bac", "later"),
            ("abc", "acb", "later"),
            ("abc", "abcc", "doubled"),
            ("abc", "ac", "checkpoint"),
            ("abcA", "aAbc", "valid"),
            ("abcA", "aAcb", "later"),
            ("ab", "abc", "primary"),
        ],
    )
    def test_segments(self, sent: str, out: str, said: str) -> None:
        """A capital is sent again; it may overtake what stands behind it in the stream."""
        assert self.told(sent, out) == said

    @pytest.mark.parametrize(("out", "said"), [("abc", "valid"), ("cba", "later"), ("bca", "later")])
    def test_datagrams(self, out: str, said: str) -> None:
        """None may overtake another."""
        assert self.told("abc", out, "udp") == said


class TestForcedBy:
    """forced_by."""

    def test_a_checkpoint_without_a_reason_is_one_too_many(self) -> None:
        """Beside those that have the right ones."""
        told = held_back()
        last = told.pop()
        more = Tape()
        more.entries = told
        more.checkpoint(2.5).add(last.at, last.kind, last.who, last.what)
        verdict = ForcedBy(("payload tcp 0",))(more.entries)
        assert (verdict.valid, verdict.reason) == ("invalid", "a checkpoint at 2.495 s has no reason")

    def test_frames_that_went_out_unexpectedly_leave_a_doubt(self) -> None:
        """The replica may be wrong about QEMU then."""
        out = Flow(peer_port=9).udp(b"surprise").hex()
        more = Tape()
        more.entries = held_back()
        for number in range(4):
            more.add(2.2 + number / 100, "frame", "outdev", "out", hex=out)
        assert ForcedBy(("payload tcp 0",))(more.entries).valid == "unknown"
