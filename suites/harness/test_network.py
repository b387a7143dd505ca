"""The network of a pair: everybody is connected as drawn, nobody beyond it, nothing outlives it."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import Self

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import GUEST_MAC, HOSTS, Host, Network
from colo_harness.machine.probe import IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, TUNSETIFF
from colo_harness.machine.process import Process, run
from colo_harness.wait import wait_until

EXPERIMENT = 0x88B5
BROADCAST = "ff:ff:ff:ff:ff:ff"
CLIENT_MAC = "52:54:00:00:00:01"
VNET_HEADER = bytes(10)

VICTIM = """
import signal, sys
from pathlib import Path
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.network import Network
from colo_harness.machine.process import Process

guardian, network = Guardian(), Network()
process = Process(["sleep", "1000"], name="it", log_dir=Path(sys.argv[1]), guardian=guardian, namespace=network.host_a)
print(*(namespace.path for namespace in network.namespaces), flush=True)
signal.pause()
"""


@pytest.fixture
def network() -> Iterator[Network]:
    """A network with nobody on it."""
    with Network() as network:
        yield network


def frame(destination: str, source: str, text: bytes) -> bytes:
    """Return an Ethernet frame of the experimental type, padded as on a wire."""
    address = bytes.fromhex((destination + source).replace(":", ""))
    return (address + struct.pack("!H", EXPERIMENT) + text).ljust(60, b"\0")


class Card:
    """A guest's network card: it opens tap0 of a host as QEMU does, and has the guest's MAC address."""

    def __init__(self, host: Namespace) -> None:
        with host.entered():
            self._tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            ioctl(self._tap, TUNSETIFF, struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        show = ["ip", "-details", "link", "show", "tap0"]  # the kernel's link watch takes up to some milliseconds
        wait_until("the port", lambda: "state forwarding" in run(show, namespace=host, timeout=5), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._tap)

    def send(self, text: bytes) -> None:
        """Send a frame to all."""
        os.write(self._tap, VNET_HEADER + frame(BROADCAST, GUEST_MAC, text))

    def heard(self, last: bytes) -> list[bytes]:
        """Return the texts of the frames that came, in order, waiting for `last`."""
        texts: list[bytes] = []

        def came() -> bool:
            with suppress(BlockingIOError):
                texts.append(os.read(self._tap, 2048)[len(VNET_HEADER) + 14 :].rstrip(b"\0"))
            return last in texts

        wait_until(f"{last!r} at the tap", came, timeout=5, interval=0.001)
        return texts


@pytest.fixture
def client(network: Network) -> Iterator[socket.socket]:
    """A socket for raw frames at the client's link."""
    with network.client.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EXPERIMENT)) as link:
        link.bind(("svc0", EXPERIMENT))
        link.settimeout(5)
        yield link


def converse(server: Namespace, address: str, client: Namespace) -> None:
    """Let `client` open a TCP connection to `address` in `server` and send a byte over it."""
    with (
        server.socket(socket.AF_INET, socket.SOCK_STREAM) as listener,
        client.socket(socket.AF_INET, socket.SOCK_STREAM) as caller,
    ):
        listener.bind((address, 0))
        listener.listen()
        caller.settimeout(5)
        caller.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            caller.sendall(b"x")
            assert accepted.recv(1) == b"x"


def tie(outside: Namespace, path: str, name: str) -> None:
    """Put a link into `outside` that vanishes with the namespace at `path`, where its other end is."""
    outside.ip(f"link add {name} type veth peer name tied netns {path}")


def untied(outside: Namespace) -> bool:
    """Say whether all tied namespaces have vanished."""
    return list(outside.interfaces().values()) == ["lo"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_client_reaches_each_host(network: Network, host: Host) -> None:
    """Through the switch and the host's bridge, which has no address but for this test."""
    network.host(host).ip("address add 10.77.0.2/24 dev br0")
    converse(network.host(host), "10.77.0.2", network.client)


def test_the_hosts_reach_each_other_both_ways(network: Network) -> None:
    """On the COLO network, with the addresses that it promises."""
    converse(network.host_a, network.address("host_a"), network.host_b)
    converse(network.host_b, network.address("host_b"), network.host_a)


@pytest.mark.parametrize("name", ["switch", "colo_switch", "client", "host_a", "host_b"])
@pytest.mark.parametrize("target", ["1.1.1.1", "192.168.0.1", "2606:4700::1111"])
def test_there_is_no_way_out(network: Network, name: str, target: str) -> None:
    """No namespace routes to anywhere else."""
    namespace: Namespace = getattr(network, name)
    with pytest.raises(MachineError, match="Network is unreachable"):
        namespace.ip(f"route get {target}")


def test_the_client_cannot_reach_the_colo_network(network: Network) -> None:
    """The two networks are apart."""
    with pytest.raises(MachineError, match="Network is unreachable"):
        network.client.ip(f"route get {network.address('host_a')}")


@pytest.mark.parametrize("host", HOSTS)
def test_a_guest_is_heard_and_hears(network: Network, client: socket.socket, host: Host) -> None:
    """From the first frame on: no bridge listens or learns for seconds first."""
    with Card(network.host(host)) as card:
        card.send(b"hello")
        assert client.recv(2048).rstrip(b"\0").endswith(b"hello")
        client.send(frame(GUEST_MAC, CLIENT_MAC, b"welcome"))
        assert card.heard(last=b"welcome") == [b"welcome"]


def test_a_guest_that_moved_is_found_when_it_speaks(network: Network, client: socket.socket) -> None:
    """As in a real switch: until then its frames go to the host where it was heard last."""
    with Card(network.host_a) as before, Card(network.host_b) as after:
        before.send(b"here")
        client.send(frame(GUEST_MAC, CLIENT_MAC, b"one"))
        client.send(frame(BROADCAST, CLIENT_MAC, b"to all"))
        assert after.heard(last=b"to all") == [b"here", b"to all"]

        after.send(b"there")
        client.send(frame(GUEST_MAC, CLIENT_MAC, b"two"))
        assert after.heard(last=b"two") == [b"two"]
        assert before.heard(last=b"there") == [b"one", b"to all", b"there"]


def test_nobody_speaks_unasked(network: Network, client: socket.socket) -> None:
    """Bridges and links send no frames of their own: what a capture shows, somebody meant."""
    with Card(network.host_a) as card:
        card.send(b"the only frame")
        assert client.recv(2048).rstrip(b"\0").endswith(b"the only frame")
    with network.client.entered():
        received = Path("/proc/thread-self/net/dev").read_text().partition("svc0:")[2].split()[1]
    assert received == "1"


def test_twenty_networks_live_side_by_side() -> None:
    """Set up, used and closed in parallel; the addresses are the same in each, and no descriptor is left."""

    def live(number: int) -> int:
        with Network() as network:
            network.host_a.ip("address add 10.77.0.2/24 dev br0")
            converse(network.host_a, "10.77.0.2", network.client)
            converse(network.host_b, network.address("host_b"), network.host_a)
        return number

    before = sorted(link.name for link in Path("/proc/self/fd").iterdir())
    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(live, range(20))) == list(range(20))
    assert sorted(link.name for link in Path("/proc/self/fd").iterdir()) == before


def test_after_closing_the_kernel_takes_it_down(network: Network) -> None:
    """Nobody holds any of its namespaces."""
    with Namespace("outside") as outside:
        for namespace in network.namespaces:
            tie(outside, namespace.path, namespace.name)
        assert not untied(outside)
        network.close()
        wait_until("the kernel's clean-up", lambda: untied(outside), timeout=20)


def test_a_killed_run_leaves_no_namespace(tmp_path: Path) -> None:
    """Not even one in which a process of it ran."""
    with Guardian() as guardian, Namespace("outside") as outside:
        argv = [sys.executable, "-c", VICTIM, str(tmp_path)]
        with Process(argv, name="victim", log_dir=tmp_path, guardian=guardian) as victim:
            wait_until("the victim's network", lambda: victim.stdout().endswith("\n"), timeout=10)
            for number, path in enumerate(victim.stdout().split()):
                tie(outside, path, f"tie{number}")
            assert len(outside.interfaces()) == 1 + 5
        wait_until("its guardian's work and the kernel's", lambda: untied(outside), timeout=20)


def test_the_machines_own_links_are_untouched() -> None:
    """A network lives in namespaces of its own only."""
    before = run(["ip", "-brief", "address"], timeout=5)
    with Network():
        assert run(["ip", "-brief", "address"], timeout=5) == before
