"""The capture: each frame on the switch, with its port and direction, the last one included."""

import os
import signal
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.capture import Capture, frames
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.interrupt import held
from colo_harness.machine.network import CLIENT, Network

IPV4, ARP = 0x0800, 0x0806
SERVER = ("10.77.0.2", 7)


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    """A guardian for tcpdump."""
    with Guardian() as guardian:
        yield guardian


@pytest.fixture
def network() -> Iterator[Network]:
    """A network whose host_a answers on the service network, as a guest would."""
    with Network() as network:
        network.host_a.ip(f"address add {SERVER[0]}/24 dev br0")
        yield network


def send(network: Network, count: int) -> None:
    """Send numbered datagrams from the client to the server."""
    with (
        network.host_a.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        network.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(SERVER)
        for number in range(count):
            client.sendto(b"%d" % number, SERVER)


def test_each_frame_is_seen_at_each_port_that_it_passes(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """The question goes to all, the datagram to one."""
    with Capture(network, tmp_path / "it.pcap", guardian=guardian):
        send(network, 1)
    seen = Counter((frame.port, frame.direction, frame.ethertype) for frame in frames(tmp_path / "it.pcap"))
    assert seen == {
        ("client", "in", ARP): 1,
        ("host_a", "out", ARP): 1,
        ("host_b", "out", ARP): 1,
        ("host_a", "in", ARP): 1,
        ("client", "out", ARP): 1,
        ("client", "in", IPV4): 1,
        ("host_a", "out", IPV4): 1,
    }


def test_frames_are_decoded(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Addresses, ports and payload, by scapy; the time is this machine's."""
    with Capture(network, tmp_path / "it.pcap", guardian=guardian):
        send(network, 1)
    question, *_, datagram = (frame for frame in frames(tmp_path / "it.pcap") if frame.port == "client")
    assert (question.packet.name, question.packet.psrc, question.packet.pdst) == ("ARP", CLIENT, SERVER[0])
    assert (datagram.packet.src, datagram.packet.dst) == (CLIENT, SERVER[0])
    assert (datagram.packet["UDP"].dport, bytes(datagram.packet["UDP"].payload)) == (7, b"0")
    assert question.source == datagram.source == question.packet.hwsrc
    assert 0 <= datagram.at - question.at < 5
    assert abs((tmp_path / "it.pcap").stat().st_mtime - datagram.at) < 5


def test_no_frame_of_a_burst_is_lost(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Neither at the start nor at the end, and stopping adds none."""
    with Capture(network, tmp_path / "it.pcap", guardian=guardian) as capture:
        send(network, 5000)
    assert capture.dropped == 0
    numbers = [
        int(frame.payload[28:])
        for frame in frames(tmp_path / "it.pcap")
        if frame.port == "client" and frame.ethertype == IPV4
    ]
    assert numbers == list(range(5000))
    assert (tmp_path / "it.pcap").stat().st_size < 5000 * 2 * 100


def test_captures_of_two_networks_do_not_meet(guardian: Guardian, tmp_path: Path) -> None:
    """As two runs on one machine."""
    with Network() as loud, Network() as quiet, Capture(quiet, tmp_path / "quiet.pcap", guardian=guardian):
        loud.host_a.ip(f"address add {SERVER[0]}/24 dev br0")
        send(loud, 5)
    assert list(frames(tmp_path / "quiet.pcap")) == []


def test_stopping_twice_is_fine(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Tests stop it to read it, fixtures stop it for good."""
    capture = Capture(network, tmp_path / "it.pcap", guardian=guardian)
    capture.stop()
    capture.stop()


def test_it_stops_where_ctrl_c_is_held_back(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Its process is born deaf to Ctrl-C in a worker of xdist that comes up, and is ended all the same."""
    with held():
        Capture(network, tmp_path / "service.pcap", guardian=guardian).stop()


def test_what_was_written_can_be_read_meanwhile_and_after_a_kill(
    network: Network, guardian: Guardian, tmp_path: Path
) -> None:
    """A file that ends within a frame lacks that frame and nothing else."""
    with Capture(network, tmp_path / "it.pcap", guardian=guardian):
        send(network, 5)
    whole = list(frames(tmp_path / "it.pcap"))
    for cut in (1, 8):
        os.truncate(tmp_path / "it.pcap", (tmp_path / "it.pcap").stat().st_size - cut)
        assert list(frames(tmp_path / "it.pcap")) == whole[:-1]
    os.truncate(tmp_path / "it.pcap", 5)
    assert list(frames(tmp_path / "it.pcap")) == []


def test_a_tcpdump_that_ended_early_is_reported(network: Network, guardian: Guardian, tmp_path: Path) -> None:
    """Or the absence of a frame would prove nothing."""
    capture = Capture(network, tmp_path / "it.pcap", guardian=guardian)
    os.killpg(capture.pid, signal.SIGKILL)
    os.waitid(os.P_PID, capture.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(MachineError, match="tcpdump ended before it was told to"):
        capture.stop()


def test_a_folder_that_tcpdump_cannot_write_to_is_reported(
    network: Network, guardian: Guardian, tmp_path: Path
) -> None:
    """With tcpdump's own words."""
    (tmp_path / "it.pcap").mkdir()
    with pytest.raises(MachineError, match=r"(?s)`tcpdump .*it\.pcap: Is a directory"):
        Capture(network, tmp_path / "it.pcap", guardian=guardian)


def test_a_foreign_capture_is_refused(tmp_path: Path) -> None:
    """Frames of another link type would be misread."""
    (tmp_path / "it.ports.json").write_text("{}")
    ethernet = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    (tmp_path / "it.pcap").write_bytes(ethernet)
    with pytest.raises(MachineError, match="is no capture of ours: 0xa1b2c3d4, link type 1"):
        list(frames(tmp_path / "it.pcap"))
