"""colo-compare and TCP: payload by sequence number, whatever the segmentation."""

from itertools import chain, combinations

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from fixtures.bench import on_each_wire
from fixtures.claims import control
from fixtures.pair import Check

LONG = bytes(range(256)) * 5 + bytes(180)
"""A full segment: with its headers 1,514 bytes."""
WRAP = 1 << 32
TIMESTAMPS = b"\1\1\x08\x0a" + bytes(8)


def each_split(size: int) -> list[tuple[int, ...]]:
    """Return every way to cut `size` bytes into segments, as the offsets of the cuts."""
    return list(chain.from_iterable(combinations(range(1, size), cuts) for cuts in range(size)))


def send_each_split(compare: Compare, payload: bytes, seq: int) -> list[str]:
    """Send the payload in every segmentation on either side, a flow each; return the frames that are to come out."""
    steps, sent = [], 0
    splits = each_split(len(payload))
    for number, (mine, yours) in enumerate((mine, yours) for mine in splits for yours in splits):
        flow = Flow(peer_port=1024 + number)
        frames = flow.segments(payload, *mine, seq=seq)
        compare.primary(*frames)
        compare.secondary(*flow.segments(payload, *yours, seq=seq))
        compare.settle()
        steps.append(" ".join(f"p{sent + place}" for place in range(1, len(frames) + 1)))
        sent += len(frames)
    return steps


@pytest.mark.smoke
@pytest.mark.claim("CMP-1")
@pytest.mark.regression("5a2d9929ac")
@control(sabotage="frames-swapped", checker="saw")
@control(sabotage="frame-doubled", checker="saw")
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="byte-changed", checker="saw")
@control(sabotage="checksum-stale", checker="saw")
@control(sabotage="inputs-crossed", checker="saw")
def test_what_is_alike_comes_out_once(compare: Compare, check: Check) -> None:
    """Of two equal segments the primary's comes out, once and in order, as soon as both are there; nobody is asked."""
    flow, twin = Flow(), Flow().changed(ident=7)
    compare.primary(flow.tcp(LONG), flow.tcp(b"second", seq=1000 + len(LONG)))
    compare.settle()
    compare.secondary(twin.tcp(LONG), twin.tcp(b"second", seq=1000 + len(LONG)))
    compare.settle()

    check(Saw(("", "p1 p2")))


@pytest.mark.smoke
@pytest.mark.claim("CMP-2")
@control(sabotage="checkpoint-unasked", checker="saw")
@control(sabotage="checkpoint-untold", checker="saw")
def test_what_differs_is_held_until_the_checkpoint(compare: Compare, check: Check) -> None:
    """A difference asks for a checkpoint and holds the stream, also where it is alike; what was held comes out then."""
    flow = Flow()
    compare.primary(flow.tcp(b"AAAA"), flow.tcp(b"BBBB", seq=1004))
    compare.secondary(flow.tcp(b"AAAX"))
    compare.settle()
    compare.secondary(flow.tcp(b"BBBB", seq=1004))
    compare.primary(flow.tcp(b"CCCC", seq=1008))
    compare.settle()
    compare.checkpoint()

    check(Saw(("ask", "ask", "p1 p2 p3")))


@pytest.mark.claim("CMP-3")
@pytest.mark.parametrize("seq", [1000, WRAP - 3, WRAP - 5, 0], ids=lambda seq: f"from-{seq}")
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frame-dropped", checker="saw", on=f"from-{WRAP - 3}")
def test_segmentation_does_not_count(compare: Compare, check: Check, seq: int) -> None:
    """However both sides cut a payload into segments, and wherever in the cycle of numbers, it comes out unasked."""
    steps = send_each_split(compare, b"differ"[:5], seq)

    check(Saw(tuple(steps)))


@pytest.mark.claim("CMP-4")
@pytest.mark.parametrize("size", [1, 2, 64, 1460])
@control(sabotage="checkpoint-unasked", checker="saw")
def test_each_byte_counts(compare: Compare, check: Check, size: int) -> None:
    """A difference in any byte of a payload, the first and the last included, asks for a checkpoint."""
    places = sorted({*range(min(size, 64)), *range(63, size, 97), size - 2, size - 1, min(1399, size - 1)} - {-1})
    payload = LONG[:size]
    for place in places:
        flow = Flow(peer_port=1024 + place)
        compare.primary(flow.tcp(payload))
        compare.secondary(flow.tcp(payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]))
        compare.settle()

    check(Saw(("ask",) * len(places)))


@pytest.mark.claim("CMP-5")
@control(sabotage="secondary-mute", checker="saw")
def test_a_prefix_waits_for_the_rest(compare: Compare, check: Check) -> None:
    """Where the secondary has said less, the primary's segment waits for the rest, and differs if that does."""
    flow, other = Flow(), Flow(peer_port=5)
    compare.primary(flow.tcp(b"abcd"), other.tcp(b"abcd"))
    compare.secondary(flow.tcp(b"ab"), other.tcp(b"ab"))
    compare.settle()
    compare.secondary(flow.tcp(b"cd", seq=1002))
    compare.settle()
    compare.secondary(other.tcp(b"cX", seq=1002))
    compare.settle()

    check(Saw(("", "p1", "ask")))


@pytest.mark.claim("CMP-6")
@on_each_wire
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frame-dropped", checker="saw", on="vnet-12")
def test_headers_do_not_count(compare: Compare, check: Check) -> None:
    """A segment's IP header, options, window, timestamps and flag to push may differ."""
    flow = Flow()
    compare.primary(*(flow.tcp(b"abcd", seq=1000 + 4 * place) for place in range(5)))
    compare.secondary(
        flow.changed(ident=9, tos=4, ttl=3).tcp(b"abcd"),
        flow.tcp(b"abcd", seq=1004, options=TIMESTAMPS),
        flow.tcp(b"abcd", seq=1008, window=1),
        flow.tcp(b"abcd", seq=1012, flags="A"),
        flow.changed(options=b"\1\1\1\0").tcp(b"abcd", seq=1016),
    )
    compare.settle()

    check(Saw(("p1 p2 p3 p4 p5",)))


@pytest.mark.claim("CMP-7")
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frame-doubled", checker="saw")
def test_retransmissions_come_out(compare: Compare, check: Check) -> None:
    """What either side sends again comes out as often as the primary sent it, and asks for nothing."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab"), flow.tcp(b"ab"))
    compare.secondary(flow.tcp(b"ab"))
    compare.settle()
    compare.secondary(flow.tcp(b"ab"))
    compare.settle()
    compare.primary(flow.tcp(b"cd", seq=1002))
    compare.secondary(flow.tcp(b"ab"), flow.tcp(b"cd", seq=1002))
    compare.settle()

    check(Saw(("p1", "p2", "p3")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0010-compared-once.md")
@pytest.mark.claim("CMP-4")
@pytest.mark.parametrize("back", [0, 1, 1000, WRAP // 2 - 1], ids=lambda back: f"back-{back}")
def test_numbers_that_were_compared_are_compared_again(compare: Compare, check: Check, back: int) -> None:
    """Other bytes at a sequence number that was compared before differ too: a retransmission, or a new connection."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab", seq=WRAP // 2))
    compare.secondary(flow.tcp(b"ab", seq=WRAP // 2))
    compare.settle()
    compare.primary(flow.tcp(b"XX", seq=WRAP // 2 - back))
    compare.secondary(flow.tcp(b"YY", seq=WRAP // 2 - back))
    compare.settle()

    check(Saw(("p1", "ask")))


@pytest.mark.claim("CMP-8")
@pytest.mark.regression("e29bc931e1")
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="secondary-mute", checker="saw")
def test_what_the_primary_acknowledges_the_secondary_holds(compare: Compare, check: Check) -> None:
    """Data that acknowledge what the secondary has not acknowledged are held, until it has."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab", ack=500), flow.tcp(b"cd", seq=1002, ack=500))
    compare.secondary(flow.tcp(b"abcd", ack=400))
    compare.settle()
    compare.secondary(flow.tcp(seq=1004, ack=500, flags="A"))
    compare.settle()

    check(Saw(("ask", "p1 p2")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0011-acknowledged-alone.md")
@pytest.mark.claim("CMP-8")
@pytest.mark.parametrize("payload", [b"", b"abcd"], ids=["pure", "data"])
def test_an_acknowledgement_waits_for_the_secondary(compare: Compare, check: Check, payload: bytes) -> None:
    """A segment is held that acknowledges what the secondary, which is alike otherwise, has not acknowledged."""
    flow = Flow()
    compare.primary(flow.tcp(payload, ack=500, flags="A"))
    compare.secondary(flow.tcp(payload, ack=400, flags="A"))
    compare.settle()
    compare.secondary(flow.tcp(seq=1000 + len(payload), ack=500, flags="A"))
    compare.settle()

    check(Saw(("", "p1")))


@pytest.mark.claim("CMP-9")
@pytest.mark.parametrize("flags", ["FA", "R", "RA", "SA"])
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="secondary-mute", checker="saw")
def test_flags_that_both_say_come_out(compare: Compare, check: Check, flags: str) -> None:
    """A segment that opens, closes or resets is held until the secondary says so too, and comes out then."""
    flow = Flow()
    compare.primary(flow.tcp(flags=flags))
    compare.settle()
    compare.secondary(flow.tcp(flags=flags))
    compare.settle()

    check(Saw(("", "p1")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0012-flags-uncompared.md")
@pytest.mark.claim("CMP-9")
@pytest.mark.parametrize("flags", ["FA", "R", "RA"])
def test_flags_that_one_says_are_held(compare: Compare, check: Check, flags: str) -> None:
    """A segment that closes or resets is held where the secondary goes on."""
    flow = Flow()
    compare.primary(flow.tcp(flags=flags))
    compare.secondary(flow.tcp(b"going on"))
    compare.settle()

    check(Saw(("ask",)))


@pytest.mark.claim("CMP-10")
@pytest.mark.regression("kinds of traffic")
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frames-swapped", checker="saw")
def test_order_of_arrival_does_not_count(compare: Compare, check: Check) -> None:
    """Segments of the primary that arrive out of order come out in order, once the secondary has said the same."""
    flow = Flow()
    compare.primary(flow.tcp(b"cd", seq=1002), flow.tcp(b"ab"))
    compare.settle()
    compare.secondary(flow.tcp(b"ab"), flow.tcp(b"cd", seq=1002))
    compare.settle()

    check(Saw(("", "p2 p1")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0013-position-ignored.md")
@pytest.mark.claim("CMP-10")
def test_bytes_are_compared_where_they_are(compare: Compare, check: Check) -> None:
    """The secondary's bytes stand for those at the same place of the stream only, also where they arrive first."""
    flow = Flow()
    compare.secondary(flow.tcp(b"aa", seq=1002))
    compare.settle()
    compare.primary(flow.tcp(b"aa"))
    compare.settle()
    compare.secondary(flow.tcp(b"XX"))
    compare.settle()

    check(Saw(("", "", "ask")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0014-retransmission-overtakes.md")
@pytest.mark.claim("CMP-7")
def test_a_retransmission_does_not_overtake(compare: Compare, check: Check) -> None:
    """What was sent again comes out behind what was sent before it and waits for the secondary."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab"))
    compare.secondary(flow.tcp(b"ab"))
    compare.settle()
    compare.primary(flow.tcp(b"cd", seq=1002), flow.tcp(b"ab"))
    compare.secondary(flow.tcp(b"ab"), flow.tcp(b"cd", seq=1002))
    compare.settle()

    check(Saw(("p1", "p2 p3")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0043-needless-checkpoints.md")
@pytest.mark.claim("CMP-3")
def test_a_larger_retransmission_needs_no_twin(compare: Compare, check: Check) -> None:
    """A segment that repeats old bytes before new ones is compared by the new ones."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab"))
    compare.secondary(flow.tcp(b"ab"))
    compare.settle()
    compare.primary(flow.tcp(b"abcd"))
    compare.secondary(flow.tcp(b"cd", seq=1002))
    compare.settle()

    check(Saw(("p1", "p2")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0043-needless-checkpoints.md")
@pytest.mark.claim("CMP-6")
def test_padding_does_not_count(compare: Compare, check: Check) -> None:
    """What fills an Ethernet frame up to 60 bytes is no payload."""
    flow = Flow()
    compare.primary(flow.tcp(b"ab") + bytes(4))
    compare.secondary(flow.tcp(b"ab"))
    compare.settle()
    compare.primary(flow.tcp(b"cd", seq=1002))
    compare.secondary(flow.tcp(b"cd", seq=1002))
    compare.settle()

    check(Saw(("p1", "p2")))
