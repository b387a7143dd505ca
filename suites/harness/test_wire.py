"""A wire of ours: what it says that it does to frames is seen at the other end, until it is taken out."""

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine import segment
from colo_harness.machine.fates import Barred, Impaired, Impairment
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.impairing import impaired, options
from colo_harness.machine.network import Network, Port
from colo_harness.machine.process import Process
from colo_harness.machine.splice import HOLDER, spliced
from colo_harness.machine.tracers import Tracers
from colo_harness.machine.wire import HEAD, Delivery, End
from colo_harness.wait import wait_until

SERVER = "10.77.0.2"
BAD = (
    Impairment(loss=4),
    Impairment(duplicate=4),
    Impairment(reorder=4),
    Impairment(corrupt=4),
    Impairment(delay_ms=40, jitter_ms=10),
    Impairment(mbit=10),
    Impairment(loss=2, duplicate=2, reorder=2, corrupt=2),
)
VICTIM = """
import signal
from colo_harness.machine.fates import Barred
from colo_harness.machine.network import Network
from colo_harness.machine.splice import spliced
from colo_harness.machine.tracers import Tracers

with Network() as network:
    port = network.service_port("client")
    try:
        with spliced(network, port, Barred(lambda _, end: True, refusing=False)):
            print("in", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        with Tracers((network.client, "svc0"), (network.host_a, "svc0")) as tracers:
            tracers.await_one()
        print("healed", flush=True)
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A network with an address on host_a's side of the service network."""
    with Network() as network:
        network.host_a.ip(f"address add {SERVER}/24 dev br0")
        yield network


@pytest.fixture
def port(network: Network) -> Port:
    """The clients' port."""
    return network.service_port("client")


def frame(payload: bytes, protocol: int = 253) -> bytes:
    """Return a packet as a frame with its head."""
    return segment.packet("10.0.0.1", "10.0.0.2", protocol, payload, link=b"\1" * 6 + b"\2" * 6 + b"\x08\0")


def converse(network: Network, size: int = 60_000) -> None:
    """Send bytes from the client to host_a and back over TCP."""
    sent = bytes(range(256)) * (size // 256)
    listener = network.host_a.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener, network.client.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        listener.bind((SERVER, 0))
        listener.listen()
        for end in (listener, caller):
            end.settimeout(20)
        caller.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.settimeout(20)
            for sender, receiver in ((caller, server), (server, caller)):
                assert exchanged(sender, receiver, sent) == sent


def exchanged(sender: socket.socket, receiver: socket.socket, sent: bytes) -> bytes:
    """Return what arrives of so many bytes, a piece at a time."""
    got = b""
    for start in range(0, len(sent), 8192):
        sender.sendall(sent[start : start + 8192])
        while len(got) < min(start + 8192, len(sent)):
            got += receiver.recv(8192)
    return got


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_a_bad_link_does_is_seen_and_ends(network: Network, port: Port, bad: Impairment) -> None:
    """Each way of being bad shows at the other end, TCP makes it good, and none is left in the end."""
    with impaired(network, port, bad, seed=1):
        converse(network)
    converse(network)


@pytest.mark.parametrize("way", ["loss", "duplicate", "reorder", "corrupt"])
def test_the_wire_counts_what_it_does(network: Network, port: Port, way: str) -> None:
    """It tells how many frames were so treated, and of the other ways none."""
    fate = Impaired(Impairment(**{way: 5}), seed=2)
    with spliced(network, port, fate, whole=True):
        converse(network)
    assert {name for name, count in fate.tally.items() if count} == {way}


@pytest.mark.parametrize("laundered", [False, True], ids=["as-it-is", "laundered"])
def test_what_is_spoilt_is_believed_only_where_it_is_summed_anew(
    network: Network, port: Port, *, laundered: bool
) -> None:
    """Else the receiver's kernel throws it away: the datagram that was sent whole behind it comes first."""
    server, caller = (space.socket(socket.AF_INET, socket.SOCK_DGRAM) for space in (network.host_a, network.client))
    with server, caller:
        server.bind((SERVER, 7))
        server.settimeout(5)
        with spliced(network, port, Impaired(Impairment(corrupt=100), 3, laundered=laundered), whole=True):
            caller.sendto(b"spoilt".ljust(1000), (SERVER, 7))
        caller.sendto(b"whole".ljust(1000), (SERVER, 7))
        assert (server.recv(2000) != b"whole".ljust(1000)) == laundered


def test_what_is_not_summed_yet_is_not_spoilt(network: Network, port: Port) -> None:
    """Where senders leave sums to the card, the wire breaks rather than spoil what is summed later; it says so."""
    fate = Impaired(Impairment(corrupt=100), seed=4)
    with (
        pytest.raises(MachineError, match="a wire of ours broke"),
        spliced(network, port, fate),
        network.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        _break(network, lambda: caller.sendto(b"unsummed", (SERVER, 9)))
    converse(network)


def test_a_refused_connection_is_reset(network: Network, port: Port) -> None:
    """Who sends a segment that is refused gets a reset that the kernel believes, in a handshake and later."""
    listener = network.host_a.socket(socket.AF_INET, socket.SOCK_STREAM)
    caller, late = (network.client.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2))
    with listener, caller, late:
        listener.bind((SERVER, 0))
        listener.listen()
        caller.connect(listener.getsockname())
        for end in (caller, late):
            end.settimeout(5)
        with spliced(network, port, Barred(lambda found, end: bool(found) and end == HOLDER, refusing=True)):
            caller.send(b"x")
            with pytest.raises(ConnectionResetError):
                caller.recv(1)
            with pytest.raises(ConnectionRefusedError):
                late.connect(listener.getsockname())


def test_what_is_lost_in_one_direction_arrives_in_the_other(network: Network, port: Port) -> None:
    """The end at which a frame comes in decides."""
    there, back = (network.client, "svc0"), (network.host_a, "svc0")
    fate = Barred(lambda _, end: end == HOLDER, refusing=False)
    with Tracers(there, back) as lost, Tracers(back, there) as found, spliced(network, port, fate):
        lost.send(3)
        found.await_one()
        wait_until("the others to be lost", lambda: fate.tally["lost"] == 3, timeout=5)


def test_splices_of_one_port_stand_one_behind_the_other(network: Network, port: Port) -> None:
    """Both do their work, and end in reverse order."""
    sound, twice = Barred(lambda *_: False, refusing=False), Impaired(Impairment(duplicate=100), seed=5)
    with (
        spliced(network, port, sound),
        spliced(network, port, twice),
        Tracers((network.client, "svc0"), (network.host_a, "svc0")) as tracers,
    ):
        tracers.await_impaired(Impairment(duplicate=100))
    converse(network)
    assert not network.wires


def test_an_exception_heals(network: Network, port: Port) -> None:
    """Also one that is thrown while everything is lost."""
    with pytest.raises(ValueError, match="ours"), spliced(network, port, Barred(lambda *_: True, refusing=False)):
        raise ValueError("ours")
    converse(network)


def test_ctrl_c_heals(tmp_path: Path) -> None:
    """The wire is out before the program ends."""
    with (
        Guardian() as guardian,
        Process([sys.executable, "-c", VICTIM], name="it", log_dir=tmp_path, guardian=guardian) as it,
    ):
        wait_until("the wire", lambda: it.stdout() == "in\n", timeout=10)
        it.signal(signal.SIGINT)
        assert it.wait(10) == 0, it.stderr()
        assert it.stdout() == "in\nhealed\n"


def test_a_wire_that_breaks_says_so(network: Network, port: Port) -> None:
    """An error of ours in the midst of the frames is told by the network, and again when the wire is taken out."""

    class Broken(Barred):
        def meets(self, frame: bytes, end: End) -> Iterator[Delivery]:  # noqa: ARG002 - every fate's signature
            raise RuntimeError("ours")

    with (
        pytest.raises(MachineError, match="says nothing about QEMU"),
        spliced(network, port, Broken(lambda *_: False, refusing=False)),
        Tracers((network.client, "svc0"), (network.host_a, "svc0")) as tracers,
    ):
        _break(network, tracers.send)


def _break(network: Network, send: Callable[[], object]) -> None:
    """Send what breaks the wire, and return when the network says so."""

    def told() -> bool:
        try:
            network.vouch()
        except MachineError:
            return True
        return False

    send()
    wait_until("the wire to break", told, timeout=5)


def test_a_narrow_wire_loses_what_waits_too_long() -> None:
    """As a router does whose queue is full."""
    fate = Impaired(Impairment(mbit=0.1), seed=1)
    passed = sum(bool(list(fate.meets(frame(bytes(1000)), 0))) for _ in range(20))
    assert 5 <= passed < 20
    assert fate.tally["overflow"] == 20 - passed


def test_a_seed_decides() -> None:
    """The same frames fare alike with it, and otherwise with another."""

    def fares(seed: int) -> list[int]:
        fate = Impaired(Impairment(loss=50), seed)
        return [len(list(fate.meets(frame(b"x"), 0))) for _ in range(50)]

    assert fares(1) == fares(1) != fares(2)


def test_a_bit_is_flipped_in_what_a_checksum_covers() -> None:
    """Behind the IP header and before the padding; a frame that is no IPv4 packet is left alone."""
    fate = Impaired(Impairment(corrupt=100), seed=1)
    sent = frame(b"ab") + bytes(24)
    spoilt = [next(iter(fate.meets(sent, 0))).frame for _ in range(50)]
    start = HEAD + 14 + 20
    assert all(one[:start] + one[start + 2 :] == sent[:start] + sent[start + 2 :] != one for one in spoilt)
    arp = bytes(HEAD + 12) + b"\x08\x06" + bytes(28)
    assert next(iter(fate.meets(arp, 0))).frame == arp


@pytest.fixture
def scapy() -> Any:
    """Return scapy's layers: importing them takes a second."""
    from scapy import all as scapy  # noqa: PLC0415 - as the docstring says

    return scapy


@pytest.mark.parametrize("layer", ["TCP", "UDP", "ICMP"])
def test_sums_are_scapys(scapy: Any, layer: str) -> None:
    """A packet whose checksum was made wrong has scapy's after summing."""
    head = scapy.Ether(src="02:00:00:00:00:01") / scapy.IP(src="10.0.0.1", dst="10.0.0.2")
    whole = bytes(HEAD) + bytes(head / getattr(scapy, layer)() / b"abc")
    start = segment.payload_at(whole) or 0
    place = {6: 16, 17: 6, 1: 2}[whole[HEAD + 14 + 9]]
    wrong = whole[: start + place] + b"\x12\x34" + whole[start + place + 2 :]
    assert segment.summed(wrong) == whole


def test_segments_are_read_as_scapy_writes_them(scapy: Any) -> None:
    """Addresses, ports, numbers, flags, and what it adds to the sequence number."""
    tcp = scapy.TCP(sport=1, dport=2, seq=3, ack=4, flags="FA", options=[("NOP", None)] * 4)
    found = segment.parsed(bytes(HEAD) + bytes(scapy.Ether() / scapy.IP(src="10.0.0.1", dst="10.0.0.2") / tcp / b"abc"))
    assert found
    assert (found.ports, found.seq, found.ack, found.flags, found.length) == ((1, 2), 3, 4, 0x11, 4)
    assert segment.parsed(frame(b"no segment")) is None
    assert segment.parsed(bytes(HEAD) + b"short") is None


def test_netems_words() -> None:
    """Each way of being bad has its option, but corruption, which is ours; a link that reorders must delay."""
    bad = Impairment(delay_ms=30, jitter_ms=10, mbit=20, loss=1, duplicate=2, reorder=3, corrupt=4)
    words = "delay 30ms 10ms rate 20mbit loss 1% duplicate 2% reorder 3%"
    assert " ".join(options(bad)) == words
