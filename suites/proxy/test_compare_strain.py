"""colo-compare under strain: full queues, stalled readers, garbled frames, and objects that come and go."""

import random

import pytest

from colo_harness.errors import MonitorLost, WaitTimeout
from colo_harness.judge.judgement import Violation
from colo_harness.judge.seen import Released, Saw
from colo_harness.judge.strain import MemoryKept, came_once, monitor_answers
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import ARP, IPV6, Flow, ethernet
from colo_harness.settings import Settings, Timeouts
from fixtures.claims import control
from fixtures.pair import Check

PATIENT = pytest.mark.compare(compare_timeout=3_600_000)
GARBLED = 2000
HASTY = Timeouts(factor=0.2)
"""What has not come out within a second never does."""


def fill(compare: Compare, count: int) -> None:
    """Let the primary send so many segments that the secondary never answers."""
    for number in range(count):
        compare.primary(Flow().tcp(b"abcd", seq=1000 + 4 * number))
    compare.settle()


def held(count: int) -> str:
    """Return the names of so many frames of the primary."""
    return " ".join(f"p{number}" for number in range(1, count + 1))


def garble(rng: random.Random) -> bytes:
    """Return a frame with some bytes altered, some cut off or some too many."""
    flow = Flow(peer_port=rng.randrange(1 << 16))
    kinds = [flow.tcp(b"abcdef"), flow.udp(b"abc"), flow.icmp(b"abcd"), ethernet(bytes(46), ARP)]
    kinds += [flow.packet(protocol, b"abcdefgh"[: rng.randrange(9)]) for protocol in (33, 47, 50, 51, 132, 136)]
    frame = bytearray(rng.choice([*kinds, ethernet(b"\x60" + bytes(60), IPV6)]))
    for _ in range(rng.randrange(5)):
        frame[rng.randrange(len(frame))] = rng.randrange(256)
    return bytes(rng.choice([frame, frame[: rng.randrange(1, len(frame))], frame + bytes(rng.randrange(9000))]))


TURNS, PASSING = 3000, 100
"""Deletions, and frames that pass at each: few enough that outdev is never full. QEMU died after 36 to 404."""
AT_REST = 0.01
"""Seconds after which colo-compare's thread has done with what came out: a deletion before may kill QEMU."""


def come_and_go(compare: Compare, times: int) -> None:
    """Delete and add the object so often, each time while a frame is held."""
    for number in range(times):
        compare.primary(Flow(peer_port=1024 + number).tcp(b"held"))
        compare.settle()
        compare.bench.pump(lambda: False, AT_REST)
        compare.remove()
        compare.add()


@PATIENT
@pytest.mark.claim("CMP-25")
@pytest.mark.regression("queue overflow")
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(8, marks=pytest.mark.compare(max_queue_size=8)),
        pytest.param(64, marks=pytest.mark.compare(max_queue_size=64)),
    ],
)
@control(sabotage="queue-endless", checker="released")
@control(sabotage="queue-short", checker="saw", on="64")
def test_queues_are_as_long_as_max_queue_size(compare: Compare, check: Check, size: int) -> None:
    """So many frames of a connection are held, and far more are not; nobody is asked for a checkpoint."""
    fill(compare, size)
    compare.checkpoint()
    fill(compare, 3 * size)
    compare.checkpoint()

    check(Saw(("", held(size), "", "*")), Released(4, at_least=size, at_most=2 * size))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0041-one-more.md")
@pytest.mark.compare(max_queue_size=8, compare_timeout=3_600_000)
@pytest.mark.claim("CMP-25")
@pytest.mark.regression("queue overflow")
def test_queues_are_no_longer(compare: Compare, check: Check) -> None:
    """The frame after max_queue_size frames is dropped."""
    fill(compare, 9)
    compare.checkpoint()

    check(Released(2, at_least=8, at_most=8))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0042-one-queue-size-for-all.md")
@pytest.mark.compare(compare_timeout=3_600_000)
@pytest.mark.claim("CMP-26")
@pytest.mark.regression("max_queue_size is global")
def test_each_object_has_a_queue_size_of_its_own(compare: Compare, check: Check) -> None:
    """The length of one object's queues does not depend on another's."""
    other = Compare(compare.bench, {"compare_timeout": 3_600_000, "max_queue_size": 8}, suffix="2")
    other.settle()
    fill(compare, 64)
    compare.checkpoint()

    check(Released(3, at_least=64, at_most=64))


@pytest.mark.claim("CMP-26")
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="checkpoint-untold", checker="saw")
def test_two_objects_do_not_disturb_each_other(compare: Compare, other_compare: Compare, check: Check) -> None:
    """Of two objects with the same connections each compares its own frames, asks, and hears of checkpoints."""
    flow = Flow()
    compare.primary(flow.tcp(b"AAAA"), Flow().udp(b"one"))
    other_compare.primary(flow.tcp(b"AAAA"))
    compare.secondary(flow.tcp(b"XXXX"))
    compare.settle()
    compare.secondary(Flow().udp(b"one"))
    compare.settle()
    compare.checkpoint()
    other_compare.secondary(flow.tcp(b"AAAA"))
    other_compare.settle()

    check(Saw(("ask", "p2", "p1", "")), Saw(("", "", "", "p1"), suffix="2"))


@PATIENT
@pytest.mark.compare(max_queue_size=64)
@pytest.mark.claim("CMP-27")
@pytest.mark.regression("Fix memory leak in packet_enqueue")
@control(sabotage="queue-endless", checker="memory_kept")
def test_a_full_queue_keeps_nothing(compare: Compare, check: Check) -> None:
    """What is dropped for want of room takes no memory, and QEMU goes on."""
    fill(compare, 100)
    compare.bench.weigh("when full")
    compare.flood(Flow().tcp(bytes(1400), seq=2000 + 1400 * number) for number in range(20_000))
    compare.settle()
    compare.bench.weigh("after 28 MB more")
    compare.bench.ask_monitor("then", timeout=10)

    check(MemoryKept(4096), monitor_answers)


@PATIENT
@pytest.mark.claim("CMP-28")
@pytest.mark.regression("Fix deadlock in compare_chr_send")
@control(sabotage="frame-dropped", checker="came_once")
@control(sabotage="frame-doubled", checker="came_once")
def test_a_stalled_reader_stops_nothing_else(compare: Compare, check: Check) -> None:
    """While nobody reads outdev, QMP answers; what was released meanwhile comes out when it is read again."""
    with compare.bench.stalled(compare.out):
        for number in range(600):
            compare.primary(Flow(peer_port=1024 + number).tcp(bytes(1400)))
            compare.secondary(Flow(peer_port=1024 + number).tcp(bytes(1400)))
        compare.sent()
        compare.bench.ask_monitor("while nobody reads", timeout=10)
    compare.settle()
    compare.settle()

    check(came_once, monitor_answers)


@PATIENT
@pytest.mark.claim("CMP-29")
@pytest.mark.regression("8bdab83b34")
@control(sabotage="secondary-silent", checker="saw")
def test_garbled_frames_harm_nobody(compare: Compare, check: Check, settings: Settings) -> None:
    """After frames that are cut off, too long or altered anywhere QEMU lives, and sound frames are compared."""
    rng = random.Random(f"{settings.seed} garbled")  # noqa: S311 - no secret
    for number in range(GARBLED):
        (compare.primary, compare.secondary)[number % 2](garble(rng))
    compare.settle()
    compare.checkpoint()
    compare.bench.ask_monitor("after them", timeout=10)
    compare.primary(Flow().tcp(b"sound"))
    compare.secondary(Flow().tcp(b"sound"))
    compare.settle()

    check(Saw(("*", "*", f"p{GARBLED // 2 + 1}")), monitor_answers)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0046-empty-frame.md")
@PATIENT
@pytest.mark.claim("CMP-29")
@pytest.mark.parametrize("side", ["primary_in", "secondary_in"])
def test_an_empty_frame_harms_nobody(compare: Compare, check: Check, side: str) -> None:
    """After a frame of no bytes QEMU lives, and sound frames are compared."""
    getattr(compare, side).put_raw(bytes(4))
    compare.primary(Flow().tcp(b"sound"))
    compare.secondary(Flow().tcp(b"sound"))
    compare.settle()

    check(Saw(("p1",)))


@PATIENT
@pytest.mark.claim("CMP-32")
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="checkpoint-untold", checker="saw")
def test_what_is_held_outlives_a_connection(compare: Compare, check: Check) -> None:
    """When the secondary connects anew, what was held before is compared with what it says then."""
    compare.primary(Flow().tcp(b"held"), Flow().udp(b"alone"))
    compare.settle()
    compare.bench.reconnect(compare.secondary_in)
    compare.secondary(Flow().tcp(b"held"))
    compare.settle()
    compare.checkpoint()

    check(Saw(("", "p1", "p2")))


@pytest.mark.xfail(strict=True, raises=WaitTimeout, reason="finding: docs/findings/0045-rest-of-a-frame.md")
@PATIENT
@pytest.mark.claim("CMP-32")
@pytest.mark.parametrize(
    "broken", [pytest.param(b"\0\0\0\x64half", id="half-a-frame"), pytest.param(b"\1\0\0\0", id="too-long")]
)
def test_half_a_frame_ends_with_its_connection(compare: Compare, check: Check, broken: bytes) -> None:
    """After a frame that is broken off with its connection, or of a nonsensical length, the next one is heard."""
    compare.bench.timeouts = HASTY
    compare.secondary_in.put_raw(broken)
    compare.bench.reconnect(compare.secondary_in)
    compare.primary(Flow().tcp(b"sound"))
    compare.secondary(Flow().tcp(b"sound"))
    compare.settle()

    check(Saw(("p1",)))


@PATIENT
@pytest.mark.claim("CMP-30")
@pytest.mark.regression("Correct ordering in complete and finalize")
@control(sabotage="frame-dropped", checker="saw")
def test_objects_come_and_go_under_traffic(compare: Compare, check: Check) -> None:
    """Deleted and added a hundred times while frames are held, colo-compare compares as before."""
    come_and_go(compare, 100)
    compare.primary(Flow().udp(b"alike"))
    compare.secondary(Flow().udp(b"alike"))
    compare.settle()
    compare.bench.ask_monitor("after them", timeout=10)

    check(Saw((*["*"] * 100, "p101")), monitor_answers)


@pytest.mark.xfail(strict=True, raises=MonitorLost, reason="finding: docs/findings/0047-deleted-under-traffic.md")
@PATIENT
@pytest.mark.claim("CMP-30")
def test_objects_come_and_go_while_frames_pass(compare: Compare, check: Check) -> None:
    """Deleted and added while frames of both sides are on their way, colo-compare takes nobody along."""
    for _ in range(TURNS):
        compare.flood_alike(Flow().udp(b"%06d" % number) for number in range(PASSING))
        compare.sent()
        compare.remove()
        compare.add()
    compare.bench.ask_monitor("after them", timeout=10)

    check(monitor_answers)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0044-lost-at-deletion.md")
@PATIENT
@pytest.mark.claim("CMP-31")
@control(sabotage="frame-dropped", checker="came_once")
def test_what_is_held_comes_out_at_deletion(compare: Compare, check: Check) -> None:
    """What a colo-compare holds comes out when it is deleted."""
    come_and_go(compare, 1)
    compare.settle()

    check(came_once)
