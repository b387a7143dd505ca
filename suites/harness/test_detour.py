"""A detour carries frames as they are, late, or never; behind it the network is as before."""

import socket
from collections.abc import Iterator

import pytest

from colo_harness.machine.detour import Detour
from colo_harness.machine.network import HEARTBEAT_ADDRESS, HOSTS, Host, Network
from colo_harness.wait import wait_until

PORT = 7788
LINKS = ("beat_a", "beat_b")


@pytest.fixture
def network() -> Iterator[Network]:
    """A network with a heartbeat."""
    with Network(heartbeat=True) as network:
        yield network


@pytest.fixture
def ears(network: Network) -> Iterator[dict[Host, socket.socket]]:
    """A socket on each host."""
    sockets = {host: network.host(host).socket(socket.AF_INET, socket.SOCK_DGRAM) for host in HOSTS}
    for host, ear in sockets.items():
        ear.bind((HEARTBEAT_ADDRESS[host], PORT))
        ear.settimeout(5)
    yield sockets
    for ear in sockets.values():
        ear.close()


def beat(ears: dict[Host, socket.socket], text: bytes) -> None:
    """Let host_a say something to host_b."""
    ears["host_a"].sendto(text, (HEARTBEAT_ADDRESS["host_b"], PORT))


def test_the_hosts_hear_each_other(ears: dict[Host, socket.socket]) -> None:
    """Without a detour too."""
    beat(ears, b"well")
    assert ears["host_b"].recv(100) == b"well"


def test_what_is_carried_comes_whole_and_late(network: Network, ears: dict[Host, socket.socket]) -> None:
    """Also where the sender has left the checksum to the card."""
    network.switch.ip(*(f"link set {link} nomaster" for link in LINKS))
    with Detour(network.switch, LINKS, late_s=0.2, lost=0, seed=3) as detour:
        beats = [b"%d" % number for number in range(20)]
        for text in beats:
            beat(ears, text)
        came = [ears["host_b"].recv(100) for _ in beats]
    assert sorted(came) == sorted(beats)
    assert came != beats
    assert 0 < detour.latest_s <= 0.2


def test_what_is_lost_does_not_come(network: Network, ears: dict[Host, socket.socket]) -> None:
    """It is counted; in the bridge again, the ports carry everything."""
    beat(ears, b"hello")
    assert ears["host_b"].recv(100) == b"hello"
    network.switch.ip(*(f"link set {link} nomaster" for link in LINKS))
    with Detour(network.switch, LINKS, late_s=0, lost=1, seed=3) as detour:
        beat(ears, b"lost")
        wait_until("a frame to be lost", lambda: detour.dropped > 0, timeout=5)
    network.switch.ip(*(f"link set {link} master heartbeat" for link in LINKS))
    beat(ears, b"well")
    assert (ears["host_b"].recv(100), detour.carried) == (b"well", 0)


def test_the_heartbeat_is_nobody_elses(network: Network) -> None:
    """The clients have no way to it, nor has the COLO network."""
    with (
        network.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        pytest.raises(OSError, match="unreachable"),
    ):
        stranger.connect((HEARTBEAT_ADDRESS["host_a"], PORT))
