"""Frames in the history are those that the guest's NIC sent, described as their bytes say."""

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from colo_harness.history import History
from colo_harness.machine.capture import ARP, IPV4, Direction, Frame
from colo_harness.machine.network import GUEST_MAC
from colo_harness.traffic import frames

OPTIONS = bytes.fromhex("0101080a fedcba98 00000001")
SEGMENT = struct.pack("!HHIIBBHHH", 7, 40000, 11, 12, 8 << 4, 24, 0, 0, 0) + OPTIONS + b"payload"
PLAIN = struct.pack("!HHIIBBHHH", 7, 40000, 11, 12, 6 << 4, 18, 0, 0, 0) + bytes.fromhex("020405b4")


@dataclass
class Ended:
    """A capture that has lost some frames."""

    path: Path = Path("service.pcap")
    dropped: int = 2

    def stop(self) -> None:
        """End again."""


def packet(protocol: int, payload: bytes) -> bytes:
    """Return an IPv4 packet with the padding of a short Ethernet frame."""
    size = 20 + len(payload)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, protocol, 0, bytes(4), bytes(4))
    return head + payload + bytes(6)


def seen(monkeypatch: pytest.MonkeyPatch, *captured: Frame) -> list[tuple[str, str, dict[str, object]]]:
    """Return what the history tells of frames that were captured."""
    monkeypatch.setattr(frames, "frames", lambda path: [frame for frame in captured if path == Ended().path])
    history = History()
    frames.record_frames(Ended(), history)  # type: ignore[arg-type]  # all that it asks of a capture
    assert [entry.data for entry in history if entry.what == "frames-dropped"] == [{"value": 2}]
    return [(entry.who, entry.what, entry.data) for entry in history if entry.kind == "frame"]


def test_a_segment_is_told_with_its_timestamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """The padding of a short frame is no payload; a segment may have no timestamp."""
    numbers = {"guest_port": 7, "peer_port": 40000, "seq": 11, "ack": 12}
    stamped = Frame(1, "host_a", "in", GUEST_MAC, IPV4, packet(6, SEGMENT))
    plain = Frame(2, "host_b", "in", GUEST_MAC, IPV4, packet(6, PLAIN))
    assert seen(monkeypatch, stamped, plain) == [
        ("host_a", "tcp", {**numbers, "flags": 24, "size": 7, "tsval": 0xFEDCBA98}),
        ("host_b", "tcp", {**numbers, "flags": 18, "size": 0, "tsval": None}),
    ]


def test_only_what_the_guest_sent_into_the_switch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes out, and what others say, are no frames of the guest."""
    ours = [Frame(1, "host_a", "in", GUEST_MAC, kind, packet(17, b"")) for kind in (IPV4, ARP, 0x86DD)]
    others = [
        Frame(1, "host_a", "out", GUEST_MAC, IPV4, packet(17, b"")),
        Frame(1, "host_a", "in", "52:54:00:00:00:01", IPV4, packet(17, b"")),
    ]
    told = seen(monkeypatch, *ours, *others)
    assert [what for _, what, _ in told] == ["udp", "arp", "0x86dd"]


def test_voices_are_stretches_in_which_one_host_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its frames and its end; what goes out to a port was not said there."""
    said: list[tuple[float, str, Direction, str]] = [
        (1.0, "host_a", "in", GUEST_MAC),
        (1.5, "host_a", "in", GUEST_MAC),
        (1.5, "host_b", "out", GUEST_MAC),
        (2.0, "host_b", "in", GUEST_MAC),
        (2.5, "client", "in", "52:54:00:00:00:01"),
        (3.0, "host_a", "in", GUEST_MAC),
    ]
    captured = [Frame(at, port, way, source, ARP, b"") for at, port, way, source in said]
    monkeypatch.setattr(frames, "frames", lambda _path: captured)
    history = History()
    history.origin = 0
    frames.record_voices(Ended(), history)  # type: ignore[arg-type]  # all that it asks of a capture
    voices = [(entry.who, entry.at, entry.data) for entry in history if entry.what == "voice"]
    assert voices == [
        ("host_a", 1.0, {"value": 2, "until": 1.5}),
        ("host_b", 2.0, {"value": 1, "until": 2.0}),
        ("host_a", 3.0, {"value": 1, "until": 3.0}),
    ]
