"""filter-redirector: the frames of its queue leave by outdev, those that come in at indev go on behind it."""

import struct

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.refusals import Refused
from colo_harness.judge.routes import Routed
from colo_harness.judge.strain import MemoryKept, monitor_answers
from colo_harness.proxy.netdev import NETDEV, Netdev
from colo_harness.proxy.noise import SIZES, noise, noises
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet
from fixtures.claims import control
from fixtures.pair import Check

TOO_LONG = {"by-one": 69_633, "by-far": (1 << 32) - 1}
"""Lengths beyond net/net.h, NET_BUFSIZE."""
LONG = 3000
REFUSED = {
    "'indev' and 'outdev' could not be same": {"indev": "free", "outdev": "free"},
    "needs 'indev' or 'outdev'": {},
    "IN Device 'nowhere' not found": {"indev": "nowhere"},
    "OUT Device 'nowhere' not found": {"outdev": "nowhere"},
    "chardev 'taken' is already in use": {"outdev": "taken"},
}
"""In which words QEMU refuses a filter-redirector with these properties."""


def redirected(netdev: Netdev, **properties: object) -> tuple[Port, Port]:
    """Put a filter-redirector of queue tx on the netdev, with our ports on its indev and outdev, which are returned."""
    indev, outdev = netdev.chardev("indev"), netdev.chardev("outdev")
    netdev.filter("redirector", "r0", **{"queue": "tx", "indev": "indev", "outdev": "outdev", **properties})
    return indev, outdev


def put(port: Port, *frames: bytes) -> None:
    """Let frames go in."""
    for frame in frames:
        port.put(Packet(frame))


@pytest.mark.claim("RED-1")
@control(sabotage="queues-alike", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@pytest.mark.parametrize("queue", ["tx", "rx", "all"])
def test_a_redirector_takes_its_queue_and_no_other(netdev: Netdev, check: Check, queue: str) -> None:
    """On tx what the netdev sends leaves by outdev alone, on rx what is sent to it, on all both; the rest goes on."""
    redirected(netdev, queue=queue)
    netdev.receives(noise(100))
    netdev.settle()
    netdev.sends(noise(101))
    netdev.settle()

    sent = "guest:n1" if queue == "rx" else "outdev:n1"
    received = "net:g1" if queue == "tx" else "outdev:g1"
    check(Routed((sent, received)))


@pytest.mark.claim("RED-1")
@control(sabotage="filters-off", checker="routed")
def test_without_an_outdev_frames_go_on(netdev: Netdev, check: Check) -> None:
    """A redirector that has an indev alone takes nothing from the netdev."""
    netdev.chardev("indev")
    netdev.chardev("outdev")
    netdev.filter("redirector", "r0", queue="tx", indev="indev")
    netdev.filter("redirector", "r1", queue="rx", outdev="outdev")
    netdev.receives(noise(100))
    netdev.settle()
    netdev.sends(noise(101))
    netdev.settle()

    check(Routed(("guest:n1", "outdev:g1")))


@pytest.mark.claim("RED-2")
@control(sabotage="frames-swapped", checker="routed")
@control(sabotage="frame-doubled", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="byte-changed", checker="routed")
@control(sabotage="input-changed", checker="routed")
@control(sabotage="inputs-swapped", checker="routed")
@control(sabotage="original-changed", checker="routed")
@control(sabotage="original-doubled", checker="routed")
def test_frames_leave_and_enter_as_they_are(netdev: Netdev, check: Check) -> None:
    """Frames of 60 to 65,535 bytes leave by outdev and enter by indev whole, once and in order."""
    indev, _ = redirected(netdev)
    netdev.receives(*map(noise, SIZES))
    netdev.settle()
    for size in SIZES:
        put(indev, noise(size, 1))
        netdev.settle()

    entered = [f"guest:i{number}" for number in range(1, len(SIZES) + 1)]
    check(Routed((f"outdev:n1-n{len(SIZES)}", *entered)))


@pytest.mark.claim("RED-2")
@control(sabotage="original-lost", checker="routed")
def test_frames_may_come_in_pieces(netdev: Netdev, check: Check) -> None:
    """However a stream of frames is cut, byte by byte or many in one piece, each frame enters as it is."""
    indev, _ = redirected(netdev)
    for indev.piece in (1, 3, 4, 5, 67, 1000):
        put(indev, *noises(3, 60 + indev.piece))
        netdev.settle()

    check(Routed(tuple(f"guest:i{first}-i{first + 2}" for first in range(1, 19, 3))))


@pytest.mark.claim("RED-3")
@control(sabotage="queues-alike", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_what_comes_in_goes_on_behind_the_redirector(netdev: Netdev, check: Check) -> None:
    """A frame of indev passes the filters that one of its queue would pass behind the redirector, and no other."""
    indev: dict[str, Port] = {}
    for queue in ("tx", "rx", "all"):
        for mirror in ("head", "tail"):
            netdev.chardev(f"{mirror}-{queue}")
            netdev.filter("mirror", f"{mirror}-{queue}", queue=queue, outdev=f"{mirror}-{queue}", position=mirror)
        indev[queue] = netdev.chardev(f"in-{queue}", letter=queue[0])
    for number, (queue, port) in enumerate(indev.items()):
        where = {"position": "id=tail-tx", "insert": "before"}
        netdev.filter("redirector", f"r-{queue}", queue=queue, indev=port.name, **where)
        put(port, noise(100 + number))
        netdev.settle()

    to_guest, to_net = "tail-tx:{0} tail-all:{0} guest:{0}", "head-rx:{0} head-all:{0} net:{0}"
    both = f"{to_guest} {to_net}".format("a1")
    check(Routed((to_guest.format("t1"), to_net.format("r1"), both)))


@pytest.mark.claim("RED-4")
@pytest.mark.regression("5193528b9f")
@control(sabotage="filters-off", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_a_redirector_that_is_off_does_nothing(netdev: Netdev, check: Check) -> None:
    """Switched off it lets the netdev's frames go on and none of indev in; switched on it does both again."""
    indev, _ = redirected(netdev)
    for number, on in enumerate((False, True, False, True, True)):
        netdev.receives(noise(100, number))
        put(indev, noise(101, number))
        netdev.settle()
        netdev.bench.switch("r0", on=on)

    check(
        Routed(
            (
                "outdev:n1 guest:i1",
                "guest:n2",
                "outdev:n3 guest:i2?,i3",
                "guest:n4",
                "outdev:n5 guest:i4?,i5",
            )
        )
    )


@pytest.mark.claim("RED-4")
@control(sabotage="filters-on", checker="routed")
def test_a_redirector_may_be_made_off(netdev: Netdev, check: Check) -> None:
    """Made with status=off it does nothing until it is switched on, whoever has connected meanwhile."""
    indev, _ = redirected(netdev, status="off")
    netdev.receives(noise(100))
    put(indev, noise(101))
    netdev.settle()
    netdev.bench.disconnect(indev)
    netdev.bench.connect(indev)
    netdev.bench.switch("r0", on=True)
    netdev.receives(noise(102))
    put(indev, noise(103))
    netdev.settle()

    check(Routed(("guest:n1", "outdev:n2 guest:i1?,i2")))


@pytest.mark.claim("RED-5")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="filters-off", checker="routed")
def test_with_nobody_at_outdev_frames_do_not_go_on(netdev: Netdev, check: Check) -> None:
    """What it takes while nobody is at outdev reaches nobody; whoever connects gets the frames from there on."""
    netdev.bench.allow("stderr-network")
    outdev = netdev.chardev("outdev", connected=False)
    netdev.filter("redirector", "r0", queue="tx", outdev="outdev")
    for number in range(3):
        netdev.receives(*noises(3, 100 + number))
        netdev.settle()
        netdev.bench.connect(outdev)
        netdev.receives(*noises(3, 200 + number))
        netdev.settle()
        netdev.bench.disconnect(outdev)

    check(Routed(("", "outdev:n4-n6", "", "outdev:n10-n12", "", "outdev:n16-n18")))


@pytest.mark.claim("RED-5")
@control(sabotage="frame-dropped", checker="routed")
def test_after_a_cut_frame_whole_ones_leave(netdev: Netdev, check: Check) -> None:
    """Where a reader leaves in the middle of a frame, the next one gets whole frames, from the beginning of one."""
    netdev.bench.allow("stderr-network")
    _, outdev = redirected(netdev)
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(30, 65_001))
        netdev.fill()
    outdev.hang_up()
    netdev.settle()
    netdev.bench.connect(outdev)
    netdev.receives(*noises(3, 101))
    netdev.settle()

    check(Routed(("outdev:n1-n30?", "outdev:n31-n33")))


@pytest.mark.claim("RED-6")
@control(sabotage="original-lost", checker="routed")
@control(sabotage="input-changed", checker="routed")
def test_whoever_connects_to_indev_is_heard(netdev: Netdev, check: Check) -> None:
    """One sender after the other may connect to indev; the frames of each enter."""
    indev, _ = redirected(netdev)
    for number in range(3):
        put(indev, *noises(3, 100 + number))
        netdev.settle()
        netdev.bench.disconnect(indev)
        netdev.bench.connect(indev)

    check(Routed(("guest:i1-i3", "guest:i4-i6", "guest:i7-i9")))


@pytest.mark.claim("RED-6")
@control(sabotage="original-lost", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
def test_where_qemu_connects_it_connects_again(netdev: Netdev, check: Check) -> None:
    """Where chardevs connect by themselves, as the secondary's do, frames enter and leave each time."""
    indev, outdev = netdev.listener("indev"), netdev.listener("outdev")
    netdev.filter("redirector", "r0", queue="tx", indev="indev", outdev="outdev")
    for number in range(3):
        put(indev, noise(100, number))
        netdev.receives(noise(101, number))
        netdev.settle()
        netdev.bench.reconnect(indev)
        netdev.bench.reconnect(outdev)

    check(Routed(("guest:i1 outdev:n1", "guest:i2 outdev:n2", "guest:i3 outdev:n3")))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0021-half-a-frame-of-indev.md")
@pytest.mark.claim("RED-6")
@pytest.mark.parametrize("cut", [2, 4, 40], ids=["in-the-length", "behind-the-length", "in-the-frame"])
def test_half_a_frame_goes_with_its_sender(netdev: Netdev, check: Check, cut: int) -> None:
    """Where a sender leaves in the middle of a frame, those of the next one enter whole."""
    indev, _ = redirected(netdev)
    indev.put_raw(struct.pack("!I", 100)[:cut] + noise(100)[: max(cut - 4, 0)])
    netdev.settle()
    netdev.bench.disconnect(indev)
    netdev.bench.connect(indev)
    put(indev, *noises(3))
    netdev.settle()

    check(Routed(("", "guest:i1-i3")))


@pytest.mark.claim("RED-7")
@control(sabotage="original-lost", checker="routed")
@pytest.mark.parametrize("length", TOO_LONG.values(), ids=TOO_LONG)
def test_a_length_beyond_any_frame_is_refused(netdev: Netdev, check: Check, length: int) -> None:
    """Of a sender that announces more than a frame may have nothing more enters; all else goes on."""
    netdev.bench.allow("stderr")
    indev, _ = redirected(netdev)
    netdev.filter("redirector", "r1", queue="rx", indev=netdev.chardev("other", letter="o").name)
    put(indev, noise(100))
    netdev.settle()
    indev.put_raw(struct.pack("!I", length) + bytes(70_000))
    put(indev, noise(101))
    netdev.receives(noise(102))
    netdev.sends(noise(103))
    netdev.settle()
    netdev.bench.ask_monitor("after it", timeout=10)

    check(Routed(("guest:i1", "outdev:n1 net:g1")), monitor_answers)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0022-deaf-after-a-long-frame.md")
@pytest.mark.claim("RED-7")
@pytest.mark.parametrize("length", TOO_LONG.values(), ids=TOO_LONG)
def test_a_refused_sender_is_cut_off(netdev: Netdev, check: Check, length: int) -> None:
    """The connection of a sender that announces too much is ended, as QEMU says; the next one to connect is heard."""
    netdev.bench.allow("stderr")
    indev, _ = redirected(netdev)
    indev.put_raw(struct.pack("!I", length) + bytes(70_000))
    netdev.settle()
    indev.hang_up()
    netdev.settle()
    indev.connect()
    put(indev, noise(100))
    netdev.settle()

    check(Routed(("", "", "guest:i1")))


@pytest.mark.claim("RED-8")
@control(sabotage="outdev-elsewhere", checker="refused")
def test_what_makes_no_sense_is_refused(netdev: Netdev, check: Check) -> None:
    """One chardev for both ways, none at all, one that is unknown and one that is taken are refused in QEMU's words."""
    for name in ("taken", "elsewhere", "free"):
        netdev.chardev(name)
    netdev.filter("mirror", "m0", outdev="taken")
    for properties in REFUSED.values():
        netdev.bench.try_to_make("filter-redirector", "r0", {"netdev": NETDEV, **properties})

    check(Refused(tuple(REFUSED)))


@pytest.mark.claim("RED-9")
@control(sabotage="frame-dropped", checker="routed")
def test_a_reader_that_stalls_misses_nothing(netdev: Netdev, check: Check) -> None:
    """While nobody reads outdev memory does not grow; when it is read again every frame comes, in order."""
    _, outdev = redirected(netdev)
    netdev.receives(*noises(10, 1514))
    netdev.settle()
    netdev.bench.weigh("before")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(LONG, 1500))
        netdev.fill()
        netdev.bench.weigh("while nobody reads")
    netdev.settle()

    check(Routed(("outdev:n1-n10", f"outdev:n11-n{LONG + 10}")), MemoryKept(4096))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0020-a-stalled-reader-stops-qmp.md")
@pytest.mark.claim("RED-9")
@pytest.mark.regression("611382968069")
def test_a_reader_that_stalls_does_not_stop_the_monitor(netdev: Netdev, check: Check) -> None:
    """While nobody reads outdev, QMP answers."""
    _, outdev = redirected(netdev)
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(300, 1514))
        netdev.fill()
        netdev.bench.ask_monitor("while nobody reads", timeout=2)
    netdev.settle()

    check(monitor_answers)


@pytest.mark.claim("RED-10")
@control(sabotage="original-lost", checker="routed")
def test_redirectors_come_and_go_under_traffic(netdev: Netdev, check: Check) -> None:
    """Made and deleted a hundred times while frames pass, it takes and lets in whole frames, and none is lost."""
    indev, _ = netdev.chardev("indev"), netdev.chardev("outdev")
    steps = []
    for number in range(100):
        netdev.receives(*noises(5, 100 + number))
        put(indev, noise(97, number))
        netdev.filter("redirector", "r0", queue="tx", indev="indev", outdev="outdev")
        netdev.receives(noise(99, number))
        netdev.settle()
        first = 7 * number + 1
        flying = f"n{first}-n{first + 4}?"
        steps.append(f"guest:{flying},i{number + 1} outdev:{flying},n{first + 5}")
        netdev.bench.remove("r0")
        netdev.receives(noise(98, number))
        netdev.settle()
        steps.append(f"guest:n{first + 6}")

    check(Routed(tuple(steps)))
