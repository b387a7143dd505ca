"""filter-mirror: a copy of each frame of its queue leaves by outdev, and the frame goes on."""

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.routes import Routed
from colo_harness.judge.strain import MemoryKept, monitor_answers
from colo_harness.proxy.netdev import Netdev
from colo_harness.proxy.noise import SIZES, noise, noises
from fixtures.claims import control
from fixtures.pair import Check

MANY = 2000
LONG = 3000


def mirrored(netdev: Netdev, **properties: object) -> None:
    """Put a filter-mirror of queue tx on the netdev, with our port on its outdev."""
    netdev.chardev("outdev")
    netdev.filter("mirror", "m0", **{"queue": "tx", "outdev": "outdev", **properties})


@pytest.mark.claim("MIR-1")
@control(sabotage="queues-alike", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_a_mirror_copies_its_queue_and_no_other(netdev: Netdev, check: Check) -> None:
    """On tx it copies what the netdev sends, on rx what is sent to it, on all both; either goes on."""
    for queue in ("tx", "rx", "all"):
        netdev.chardev(queue)
        netdev.filter("mirror", f"m-{queue}", queue=queue, outdev=queue)
    netdev.receives(noise(100))
    netdev.settle()
    netdev.sends(noise(101))
    netdev.settle()

    check(Routed(("tx:n1 all:n1 guest:n1", "rx:g1 all:g1 net:g1")))


@pytest.mark.claim("MIR-1")
@control(sabotage="queues-alike", checker="routed")
def test_a_mirror_is_on_both_queues_unless_told_otherwise(netdev: Netdev, check: Check) -> None:
    """Without `queue` it copies what the netdev sends and what is sent to it."""
    netdev.chardev("outdev")
    netdev.filter("mirror", "m0", outdev="outdev")
    netdev.receives(noise(100))
    netdev.settle()
    netdev.sends(noise(101))
    netdev.settle()

    check(Routed(("outdev:n1 guest:n1", "outdev:g1 net:g1")))


@pytest.mark.claim("MIR-2")
@control(sabotage="frames-swapped", checker="routed")
@control(sabotage="frame-doubled", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="byte-changed", checker="routed")
@control(sabotage="original-lost", checker="routed")
@control(sabotage="original-doubled", checker="routed")
@control(sabotage="original-changed", checker="routed")
def test_copy_and_original_are_what_was_sent(netdev: Netdev, check: Check) -> None:
    """Frames of 60 to 65,535 bytes are copied whole, once and in order, and go on so."""
    mirrored(netdev)
    netdev.receives(*map(noise, SIZES))
    netdev.settle()

    check(Routed((f"outdev:n1-n{len(SIZES)} guest:n1-n{len(SIZES)}",)))


@pytest.mark.claim("MIR-2")
@control(sabotage="frame-dropped", checker="routed")
def test_equal_frames_are_copied_as_often_as_they_were_sent(netdev: Netdev, check: Check) -> None:
    """Of many equal frames there are as many copies, also when all wait at once."""
    mirrored(netdev)
    netdev.receives(*[noise(1514)] * MANY)
    netdev.settle()

    check(Routed((f"outdev:n1-n{MANY} guest:n1-n{MANY}",)))


@pytest.mark.claim("MIR-4")
@control(sabotage="filters-off", checker="routed")
@control(sabotage="frame-delayed", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_a_mirror_that_is_off_copies_nothing(netdev: Netdev, check: Check) -> None:
    """Switched off it copies nothing and every frame goes on; switched on it copies again, from the next frame on."""
    mirrored(netdev)
    for number, on in enumerate((False, True, False, True, True)):
        netdev.receives(*noises(3, 100 + number))
        netdev.settle()
        netdev.bench.switch("m0", on=on)

    check(
        Routed(
            (
                "outdev:n1-n3 guest:n1-n3",
                "guest:n4-n6",
                "outdev:n7-n9 guest:n7-n9",
                "guest:n10-n12",
                "outdev:n13-n15 guest:n13-n15",
            )
        )
    )


@pytest.mark.claim("MIR-4")
@control(sabotage="filters-on", checker="routed")
def test_a_mirror_may_be_made_off(netdev: Netdev, check: Check) -> None:
    """Made with status=off it copies nothing until it is switched on."""
    mirrored(netdev, status="off")
    netdev.receives(noise(100))
    netdev.settle()
    netdev.bench.switch("m0", on=True)
    netdev.receives(noise(101))
    netdev.settle()

    check(Routed(("guest:n1", "outdev:n2 guest:n2")))


@pytest.mark.claim("MIR-9")
@control(sabotage="frame-cut", checker="routed")
def test_a_mirror_does_not_hang_on_another(netdev: Netdev, check: Check) -> None:
    """With nobody at the outdev of the one, the other copies each frame, and it goes on."""
    netdev.chardev("deaf", connected=False)
    netdev.filter("mirror", "m-deaf", queue="tx", outdev="deaf")
    mirrored(netdev)
    netdev.receives(*noises(3, 100))
    netdev.settle()

    check(Routed(("outdev:n1-n3 guest:n1-n3",)))


@pytest.mark.claim("MIR-5")
@pytest.mark.regression("filter mirror send failed")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_with_nobody_connected_frames_go_on(netdev: Netdev, check: Check) -> None:
    """While nobody is at outdev frames go on; whoever connects then, and again later, gets the frames from there on."""
    outdev = netdev.chardev("outdev", connected=False)
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    for number in range(3):
        netdev.receives(*noises(3, 100 + number))
        netdev.settle()
        netdev.bench.connect(outdev)
        netdev.receives(*noises(3, 200 + number))
        netdev.settle()
        netdev.bench.disconnect(outdev)

    check(
        Routed(
            tuple(
                f"{copies} guest:n{first}-n{first + 2}"
                for first, copies in zip(
                    range(1, 19, 3), ("", "outdev:n4-n6", "", "outdev:n10-n12", "", "outdev:n16-n18"), strict=True
                )
            )
        )
    )


@pytest.mark.claim("MIR-5")
@control(sabotage="frame-dropped", checker="routed")
def test_after_a_cut_frame_whole_ones_follow(netdev: Netdev, check: Check) -> None:
    """Where a reader leaves in the middle of a frame, the next one gets whole frames, from the beginning of one."""
    outdev = netdev.chardev("outdev")
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(30, 65_001))
        netdev.fill()
    outdev.hang_up()
    netdev.settle()
    netdev.bench.connect(outdev)
    netdev.receives(*noises(3, 101))
    netdev.settle()

    check(Routed(("guest:n1-n30 outdev:n1-n30?", "outdev:n31-n33 guest:n31-n33")))


@pytest.mark.claim("MIR-6")
@control(sabotage="frame-dropped", checker="routed")
def test_a_reader_that_stalls_misses_nothing(netdev: Netdev, check: Check) -> None:
    """While nobody reads outdev memory does not grow; when it is read again every frame comes, in order."""
    outdev = netdev.chardev("outdev")
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    netdev.receives(*noises(10, 1514))
    netdev.settle()
    netdev.bench.weigh("before")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(LONG, 1500))
        netdev.fill()
        netdev.bench.weigh("while nobody reads")
    netdev.settle()

    check(Routed(("outdev:n1-n10 guest:n1-n10", f"outdev:n11-n{LONG + 10} guest:n11-n{LONG + 10}")), MemoryKept(4096))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0020-a-stalled-reader-stops-qmp.md")
@pytest.mark.claim("MIR-6")
@pytest.mark.regression("611382968069")
def test_a_reader_that_stalls_does_not_stop_the_monitor(netdev: Netdev, check: Check) -> None:
    """While nobody reads outdev, QMP answers."""
    outdev = netdev.chardev("outdev")
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(300, 1514))
        netdev.fill()
        netdev.bench.ask_monitor("while nobody reads", timeout=2)
    netdev.settle()

    check(monitor_answers)


@pytest.mark.claim("MIR-7")
@control(sabotage="filters-off", checker="routed")
def test_mirrors_come_and_go_under_traffic(netdev: Netdev, check: Check) -> None:
    """Made and deleted a hundred times while frames pass, it copies whole frames, and none is lost on its way."""
    netdev.chardev("outdev")
    steps = []
    for number in range(100):
        netdev.receives(*noises(5, 100 + number))
        netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
        netdev.receives(noise(99, number))
        netdev.settle()
        first = 7 * number + 1
        steps.append(f"guest:n{first}-n{first + 5} outdev:n{first}-n{first + 4}?,n{first + 5}")
        netdev.bench.remove("m0")
        netdev.receives(noise(98, number))
        netdev.settle()
        steps.append(f"guest:n{first + 6}")

    check(Routed(tuple(steps)))
