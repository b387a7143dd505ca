"""The frames of a flow are what scapy would make of the same words."""

import struct
from typing import Any

import pytest

from colo_harness.proxy.flow import Flow, Ip

HEAD = {"src": "10.0.0.1", "dst": "10.0.0.2"}


@pytest.fixture(scope="module")
def scapy() -> Any:
    """Return scapy's layers: importing them takes a second."""
    from scapy import all as scapy  # noqa: PLC0415 - as the docstring says

    return scapy


@pytest.fixture
def ether(scapy: Any) -> Any:
    """Return the Ethernet header of a flow's frames."""
    return scapy.Ether(src="52:54:00:00:00:01", dst="52:54:00:00:00:02")


def test_a_segment_is_scapys(scapy: Any, ether: Any) -> None:
    """Numbers, flags, window, options, checksums."""
    mine = Flow(guest_port=443, peer_port=5000).tcp(
        b"odd", seq=(1 << 32) - 1, ack=7, flags="FPA", window=99, options=b"\1\1\1\0"
    )
    tcp = scapy.TCP(sport=443, dport=5000, seq=(1 << 32) - 1, ack=7, flags="FPA", window=99)
    tcp.options = [("NOP", None), ("NOP", None), ("NOP", None), ("EOL", None)]
    assert mine == bytes(ether / scapy.IP(**HEAD) / tcp / scapy.Raw(b"odd"))


@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_a_datagram_is_scapys(payload: bytes, scapy: Any, ether: Any) -> None:
    """Lengths and checksums, also of an odd number of bytes."""
    assert Flow().udp(payload) == bytes(
        ether / scapy.IP(**HEAD) / scapy.UDP(sport=80, dport=40000) / scapy.Raw(payload)
    )


def test_a_message_is_scapys(scapy: Any, ether: Any) -> None:
    """ICMP has no pseudo header."""
    assert Flow().icmp(b"ping!", ident=3, number=4) == bytes(
        ether / scapy.IP(**HEAD) / scapy.ICMP(type="echo-reply", id=3, seq=4) / scapy.Raw(b"ping!")
    )


def test_a_header_is_scapys(scapy: Any, ether: Any) -> None:
    """Identification, type of service, time to live, fragments."""
    ip = Ip(ident=9, tos=16, ttl=3, fragment=5, more=True)
    theirs = scapy.IP(**HEAD, id=9, tos=16, ttl=3, frag=5, flags="MF", proto=47)
    assert Flow(ip=ip).packet(47, b"body") == bytes(ether / theirs / scapy.Raw(b"body"))


def test_a_sum_of_zero_is_sent_as_ones() -> None:
    """RFC 768: 0 in a datagram says that it has no checksum."""
    sums = {Flow().udp(number.to_bytes(2, "big"))[40:42] for number in range(1 << 16)}
    assert b"\0\0" not in sums
    assert b"\xff\xff" in sums


def test_segments_are_the_payload() -> None:
    """Cut where it was asked for, numbered on."""
    frames = Flow().segments(b"abcdef", 2, 3, seq=100)
    told = [(struct.unpack_from("!I", frame, 38)[0], frame[54:]) for frame in frames]
    assert told == [(100, b"ab"), (102, b"c"), (103, b"def")]


def test_a_flow_may_differ_in_anything() -> None:
    """In a field of its own or of its IP header; a wrong name is an error."""
    assert Flow().changed(ident=9, guest_port=1) == Flow(guest_port=1, ip=Ip(ident=9))
    with pytest.raises(TypeError, match="colour"):
        Flow().changed(colour="red")
