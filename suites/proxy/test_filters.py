"""What filters have in common: their places on a netdev, and virtio-net headers on their chardevs."""

import random
import struct

import pytest

from colo_harness.judge.routes import Routed
from colo_harness.judge.strain import monitor_answers
from colo_harness.proxy.netdev import Netdev
from colo_harness.proxy.noise import SIZES, noise, noises
from colo_harness.proxy.tapped import Tapped
from colo_harness.proxy.wire import Packet
from colo_harness.settings import Settings
from fixtures.claims import control
from fixtures.filters import on_each_header
from fixtures.pair import Check
from suites.proxy.chain import Chain

PLACES = {
    "a": {},
    "b": {"position": "head"},
    "x": {"position": "id=b"},
    "c": {"position": "id=x", "insert": "behind"},
    "d": {"position": "id=a", "insert": "before"},
    "e": {"position": "tail", "insert": "before"},
}
"""Filters in the order in which they are made, and where each goes: the list is b, x, c, d, a, e in the end."""
STEPS = 100
GARBLED = 100
LENGTHS = (1, 13, 60, 1514, 69_632, 69_633, 1 << 16, 1 << 31, (1 << 32) - 1)
"""Which garbage announces: frames, what is too short for one, as much as QEMU takes at most, and more."""


def garbage(rng: random.Random) -> bytes:
    """Return lengths, few of them true, with something behind each."""
    pieces = [struct.pack("!I", rng.choice(LENGTHS)) + rng.randbytes(rng.choice((0, 4, 60, 1518))) for _ in range(9)]
    return b"".join(pieces)[: rng.randrange(1, 4000)]


def passes_on(netdev: Netdev) -> None:
    """Settle, ask the monitor, and let a frame pass another filter on the other queue."""
    netdev.settle()
    netdev.bench.ask_monitor("then", timeout=10)
    netdev.chardev("outdev")
    netdev.filter("mirror", "m0", queue="rx", outdev="outdev")
    netdev.sends(noise(100))
    netdev.settle()


@pytest.mark.claim("MIR-8")
@control(sabotage="places-alike", checker="routed")
@control(sabotage="queues-alike", checker="routed")
@pytest.mark.parametrize(("queue", "order"), [("tx", "bcdae"), ("rx", "eadcb")], ids=["tx", "rx"])
def test_frames_pass_filters_in_the_order_of_the_list(netdev: Netdev, check: Check, queue: str, order: str) -> None:
    """The first redirector takes every frame, when it is off the next one; `x`, on the other queue, takes none."""
    for name, where in PLACES.items():
        netdev.chardev(name)
        mine = queue if name != "x" else "tx rx".replace(queue, "").strip()
        netdev.filter("redirector", name, queue=mine, outdev=name, **where)
    send = {"tx": netdev.receives, "rx": netdev.sends}[queue]
    for number, name in enumerate(order):
        send(noise(100 + number))
        netdev.settle()
        netdev.bench.switch(name, on=False)

    letter = {"tx": "n", "rx": "g"}[queue]
    check(Routed(tuple(f"{name}:{letter}{number}" for number, name in enumerate(order, start=1))))


@pytest.mark.claim("MIR-8")
@control(sabotage="places-alike", checker="routed")
def test_whatever_is_put_where_frames_go_their_way(netdev: Netdev, check: Check, settings: Settings) -> None:
    """Filters come, go and are switched at random, and each frame comes out where the list says, and nowhere else."""
    chain = Chain(netdev, random.Random(f"{settings.seed} chain"))  # noqa: S311 - no secret
    chain.live(STEPS)

    check(Routed(tuple(chain.steps)))


@on_each_header
@pytest.mark.claim("MIR-3")
@control(sabotage="headers-untold", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="byte-changed", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_a_mirror_tells_of_the_header(tapped: Tapped, check: Check) -> None:
    """Each copy, and each original, has its virtio-net header, and the length of that is told."""
    for queue, port in (("tx", "outdev"), ("rx", "other")):
        tapped.chardev(port, vnet=True)
        tapped.filter("mirror", f"m-{queue}", queue=queue, outdev=port, vnet_hdr_support=True)
    tapped.receives(*map(noise, SIZES))
    tapped.settle()
    tapped.sends(*(noise(size, 1) for size in SIZES))
    tapped.settle()

    last = len(SIZES)
    check(Routed((f"outdev:n1-n{last} guest:n1-n{last}", f"other:g1-g{last} net:g1-g{last}")))


@pytest.mark.claim("MIR-3")
@pytest.mark.claim("RED-11")
@control(sabotage="headers-untold", checker="routed")
def test_without_headers_their_length_is_none(netdev: Netdev, check: Check) -> None:
    """On a netdev whose frames have no virtio-net headers 0 is told, and taken, as their length."""
    netdev.chardev("copies", vnet=True)
    netdev.chardev("outdev", vnet=True)
    indev = netdev.chardev("indev", vnet=True)
    netdev.filter("mirror", "m0", outdev="copies", vnet_hdr_support=True)
    netdev.filter("redirector", "r0", queue="tx", indev="indev", outdev="outdev", vnet_hdr_support=True)
    netdev.receives(*map(noise, SIZES))
    netdev.settle()
    indev.put(Packet(noise(100, 1)))
    netdev.settle()

    check(Routed((f"copies:n1-n{len(SIZES)} outdev:n1-n{len(SIZES)}", "guest:i1")))


@on_each_header
@pytest.mark.claim("RED-11")
@control(sabotage="headers-untold", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@control(sabotage="original-lost", checker="routed")
def test_a_redirector_tells_and_is_told_of_the_header(tapped: Tapped, check: Check) -> None:
    """What leaves by outdev has its virtio-net header and its length; what enters by indev is taken with both."""
    tapped.chardev("outdev", vnet=True)
    indev = tapped.chardev("indev", vnet=True)
    tapped.filter("redirector", "r0", queue="tx", indev="indev", outdev="outdev", vnet_hdr_support=True)
    tapped.receives(*map(noise, SIZES))
    tapped.settle()
    for size in SIZES:
        indev.put(Packet(noise(size, 1), bytes(tapped.header)))
    tapped.settle()

    last = len(SIZES)
    check(Routed((f"outdev:n1-n{last}", f"guest:i1-i{last}")))


@pytest.mark.claim("RED-12")
@pytest.mark.regression("vnet_hdr mismatch")
@control(sabotage="filters-off", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@pytest.mark.parametrize("vnet", [False, True], ids=["header-unexpected", "header-missing"])
def test_mixed_up_framing_harms_nobody(netdev: Netdev, check: Check, *, vnet: bool) -> None:
    """Where one side tells of headers and the other does not, QEMU lives and other traffic goes on."""
    netdev.bench.allow("stderr")
    indev = netdev.chardev("indev", vnet=not vnet)
    netdev.filter("redirector", "r0", queue="tx", indev="indev", vnet_hdr_support=vnet)
    for frame in noises(100, 1514):
        indev.put(Packet(frame, bytes(0 if vnet else 12)))
    passes_on(netdev)

    check(Routed(("*", "outdev:g1 net:g1")), monitor_answers)


@pytest.mark.claim("RED-12")
@control(sabotage="filters-off", checker="routed")
@control(sabotage="frame-dropped", checker="routed")
@pytest.mark.parametrize("vnet", [False, True], ids=["plain", "vnet"])
def test_garbled_input_harms_nobody(netdev: Netdev, check: Check, settings: Settings, *, vnet: bool) -> None:
    """After any bytes on indev QEMU lives and other traffic goes on."""
    netdev.bench.allow("stderr")
    rng = random.Random(f"{settings.seed} garbled")  # noqa: S311 - no secret
    for number in range(GARBLED):
        indev = netdev.chardev(f"indev{number}")
        netdev.filter("redirector", f"r{number}", queue="tx", indev=indev.name, vnet_hdr_support=vnet)
        indev.put_raw(garbage(rng))
    passes_on(netdev)

    check(Routed(("*", "outdev:g1 net:g1")), monitor_answers)
