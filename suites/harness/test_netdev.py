"""The filters' bench: a netdev with both its ends in our hands, its rounds, and the tap."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.errors import CommandError, WaitTimeout
from colo_harness.history import Entry, History
from colo_harness.proxy.bench import Bench, Benchroom, Lacking
from colo_harness.proxy.listener import Listener
from colo_harness.proxy.netdev import Netdev
from colo_harness.proxy.noise import LARGEST, SIZES, noise, noises
from colo_harness.proxy.tapped import on_a_tap
from colo_harness.proxy.wire import Packet
from colo_harness.settings import Timeouts


@pytest.fixture
def room(lab: Lab) -> Benchroom:
    """Return what benches share."""
    return Benchroom(lab.qemu, lab.around.loop, lab.around.guardian, lab.around.timeouts)


@pytest.fixture
def bench(room: Benchroom, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench of the QEMU under test."""
    with History() as history, Bench(room, tmp_path, history) as bench:
        yield bench


@pytest.fixture
def netdev(bench: Bench) -> Netdev:
    """Return a netdev without filters."""
    return Netdev(bench)


def last(netdev: Netdev) -> Entry:
    """Return how the last step ended."""
    return [entry for entry in netdev.bench.history if entry.kind == "phase"][-1]


def test_noise_is_what_its_numbers_say() -> None:
    """Of that size, the same each time, and no other's."""
    assert [len(noise(size)) for size in SIZES] == [*SIZES]
    assert noise(60, 1) == noise(60, 1)
    assert len(set(noises(50))) == 50


def test_frames_go_through_in_order(netdev: Netdev) -> None:
    """Many at once, both ways, the largest too, although QEMU's hub lets frames overtake where a socket is full."""
    there, back = [*noises(300), *noises(5, LARGEST)], noises(300, 1514)
    netdev.receives(*there)
    netdev.sends(*back)
    netdev.settle()
    assert [packet.frame for packet in netdev.guest.came] == there
    assert [packet.frame for packet in netdev.net.came] == back
    assert last(netdev).data == {"held": [], "halves": {}}


def test_what_qemu_leaves_unread_is_told(netdev: Netdev) -> None:
    """By the name of its port, as soon as it is sure to stay."""
    indev = netdev.chardev("indev")
    netdev.filter("redirector", "r0", queue="tx", indev="indev", status="off")
    indev.put(Packet(noise(100)))
    netdev.settle()
    assert (last(netdev).what, last(netdev).data["held"]) == ("settled", ["indev"])
    netdev.bench.switch("r0", on=True)
    netdev.settle()
    assert last(netdev).data["held"] == []
    assert [packet.frame for packet in netdev.guest.came] == [noise(100)]


def test_half_a_frame_is_told(netdev: Netdev) -> None:
    """With its bytes: here the length of a header is waited for that nobody tells."""
    netdev.chardev("outdev", vnet=True)
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    netdev.receives(noise(100))
    netdev.settle()
    assert last(netdev).data["halves"] == {"outdev": f"00000064{noise(100).hex()}"}


def test_a_stream_goes_in_piece_by_piece(netdev: Netdev) -> None:
    """Each piece when QEMU has read the one before, and all of them in the end."""
    indev = netdev.chardev("indev")
    netdev.filter("redirector", "r0", queue="tx", indev="indev")
    indev.piece = 7
    indev.put(Packet(noise(100)))
    netdev.bench.qemu.process.signal(signal.SIGSTOP)
    indev.send()
    first = indev.unread
    indev.send()
    assert (indev.unread, indev.busy) == (first, True)
    netdev.bench.qemu.process.signal(signal.SIGCONT)
    netdev.settle()
    assert [packet.frame for packet in netdev.guest.came] == [noise(100)]


def test_filling_ends_where_qemu_takes_no_more(netdev: Netdev) -> None:
    """While a reader stalls the rest waits on our side, and nothing of it is lost."""
    outdev = netdev.chardev("outdev")
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(300, 1514))
        netdev.fill()
        assert not outdev.came
    netdev.settle()
    assert len(outdev.came) == len(netdev.guest.came) == 300


def test_whoever_connects_again_gets_frames_from_their_beginning(netdev: Netdev) -> None:
    """What had come of a frame before is forgotten."""
    outdev = netdev.chardev("outdev", vnet=True)
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev")
    netdev.receives(noise(100))
    netdev.settle()
    netdev.bench.disconnect(outdev)
    netdev.bench.remove("m0")
    netdev.bench.connect(outdev)
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev", vnet_hdr_support=True)
    netdev.receives(noise(101))
    netdev.settle()
    assert [packet.frame for packet in outdev.came] == [noise(101)]


def test_a_qemu_that_does_not_connect_is_told(netdev: Netdev) -> None:
    """Where it has connected, and is frozen when it should do so again."""
    port = netdev.listener("indev")
    netdev.bench.timeouts = Timeouts(factor=0.01)
    lonely = Listener(netdev.bench, "other", letter="o", vnet=False)
    netdev.bench.connect(lonely)
    netdev.bench.qemu.process.signal(signal.SIGSTOP)
    lonely.hang_up()
    with pytest.raises(WaitTimeout, match=r"waited 0\.2 s for QEMU to connect to other"):
        lonely.connect()
    assert not port.ended


def test_a_main_loop_that_does_not_go_round_is_told(netdev: Netdev) -> None:
    """By what QEMU's threads do."""
    netdev.bench.timeouts = Timeouts(factor=0.04)
    netdev.bench.qemu.process.signal(signal.SIGSTOP)
    with pytest.raises(WaitTimeout, match=r"(?s)main loop to go round; .* state T"):
        netdev.settle()
    assert last(netdev).what == "unsettled"


def test_a_qemu_that_dies_ends_the_step(netdev: Netdev) -> None:
    """At once."""
    netdev.bench.qemu.process.kill()
    netdev.receives(noise(100))
    netdev.settle()
    assert last(netdev).what == "unsettled"


def test_a_qemu_without_such_netdevs_lacks_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before 7.2 have no `dgram`."""

    def refuse(command: str, _arguments: dict[str, Any]) -> None:
        raise CommandError(command, "GenericError", "Parameter 'type' does not accept value 'dgram'")

    monkeypatch.setattr(bench.qemu, "execute", refuse)
    with pytest.raises(Lacking, match="netdev of the type dgram"):
        Netdev(bench)


def test_words_of_a_refusal_are_recorded(netdev: Netdev) -> None:
    """Those of QEMU, and none where it refuses nothing."""
    netdev.chardev("outdev")
    for outdev in ("nowhere", "outdev"):
        netdev.bench.try_to_make("filter-mirror", "m0", {"netdev": "net", "outdev": outdev})
    told = [entry.data["value"] for entry in netdev.bench.history if entry.what == "object-add"]
    assert told == ["Device 'nowhere' not found", None]


@pytest.mark.parametrize("header", [10, 12])
def test_frames_of_a_tap_have_headers(room: Benchroom, tmp_path: Path, header: int) -> None:
    """Of the length that the card was told, both ways; the world beyond the tap sees none."""
    with History() as history, on_a_tap(room, tmp_path, history, header) as netdev:
        netdev.receives(noise(100))
        netdev.sends(noise(LARGEST))
        netdev.settle()
    assert netdev.guest.came == [Packet(noise(100), bytes(header))]
    assert [packet.frame for packet in netdev.net.came] == [noise(LARGEST)]
