"""A wiretap hears each frame of colo-compare's streams once, whole, and in order."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from colo_harness.colo.wiretap import Wiretap
from colo_harness.errors import MachineError
from colo_harness.history import History
from colo_harness.judge.explanation import recorded
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import Network

VNET = bytes(12)
LOOPBACK = "127.0.0.1"


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    """A guardian for tcpdump."""
    with Guardian() as guardian:
        yield guardian


@pytest.fixture
def network() -> Iterator[Network]:
    """Two hosts."""
    with Network() as network:
        yield network


def packed(frame: bytes) -> bytes:
    """Return a frame as it travels."""
    return struct.pack("!II", len(VNET) + len(frame), len(VNET)) + VNET + frame


class Stream:
    """A connection from `near` to a port of `address`, which somebody at `far` has opened."""

    def __init__(self, near: Namespace, far: Namespace, address: str, port: int) -> None:
        self._listener = far.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(1)
        self.client = near.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.client.connect((address, port))
        self.server, _ = self._listener.accept()

    def close(self) -> None:
        """Close both ends."""
        for end in (self.client, self.server, self._listener):
            end.close()


def deliver(reader: socket.socket, sender: socket.socket, content: bytes) -> None:
    """Send bytes, and return when they have been read."""
    sender.sendall(content)
    reader.settimeout(10)
    left = len(content)
    while left:
        left -= len(reader.recv(left))


def test_each_stream_is_heard_in_order(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """The primary's frames, the secondary's, which come from the other host, and what is let go."""
    with ExitStack() as stack, History() as history:
        tap = stack.enter_context(Wiretap(network, "host_a", tmp_path / "it.pcap", guardian=guardian))
        primary = Stream(network.host_a, network.host_a, LOOPBACK, 9001)
        secondary = Stream(network.host_b, network.host_a, "10.88.0.1", 9004)
        out = Stream(network.host_a, network.host_a, LOOPBACK, 9005)
        for stream in (primary, secondary, out):
            stack.callback(stream.close)
        big = bytes(range(256)) * 200
        deliver(primary.client, primary.server, packed(b"first") + packed(big)[:1000])
        deliver(secondary.server, secondary.client, packed(b"other"))
        deliver(primary.client, primary.server, packed(big)[1000:])
        deliver(out.server, out.client, packed(b"first"))
        tap.record(history)
        assert [(one.ear, one.frame) for one in recorded(history.entries)] == [
            *(("primary_in", b"first"), ("secondary_in", b"other")),
            *(("primary_in", big), ("outdev", b"first")),
        ]
        assert all(0 <= one.at <= history.now() for one in recorded(history.entries))


def test_a_stream_that_is_made_anew_begins_anew(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Half a frame of the old one is not carried over; ports of the second NIC are heard where they are asked for."""
    with Wiretap(network, "host_a", tmp_path / "it.pcap", guardian=guardian, nic=1) as tap, History() as history:
        for content in (packed(b"cut off")[:9], packed(b"whole")):
            stream = Stream(network.host_a, network.host_a, LOOPBACK, 9011)
            deliver(stream.client, stream.server, content)
            stream.close()
        tap.stop()
        assert [one.frame for one in tap.heard(history)] == [b"whole"]


def test_a_tap_that_came_too_late_says_so(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """It cannot know where a frame begins."""
    stream = Stream(network.host_a, network.host_a, LOOPBACK, 9001)
    with Wiretap(network, "host_a", tmp_path / "it.pcap", guardian=guardian) as tap, History() as history:
        deliver(stream.client, stream.server, packed(b"first"))
        stream.close()
        tap.stop()
        with pytest.raises(MachineError, match="the wiretap missed the beginning"):
            list(tap.heard(history))
