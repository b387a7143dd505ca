"""The guest's frames on the service network, brought from the capture into the history."""

import struct
from itertools import groupby
from typing import Any

from colo_harness.history import History
from colo_harness.machine.capture import ARP, IPV4, RARP, Capture, Frame, frames
from colo_harness.machine.network import GUEST_MAC

_KINDS = {ARP: "arp", RARP: "rarp"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
_SHORTEST = 20
"""Bytes that a header of IPv4, and one of TCP, has at least; a packet that has less is only one of IP."""
_NO_OPERATION, _END, _TIMESTAMPS = 1, 0, 8  # RFC 9293, 3.1; RFC 7323, 3.2


def record_frames(capture: Capture, history: History) -> None:
    """End the capture and record each frame that the guest's NIC sent into the switch.

    who: the port by which it came in, what: tcp, udp, icmp, arp, rarp, ip or the ethertype; data of a TCP segment:
    guest_port, peer_port, seq, ack, flags, size (bytes of payload), tsval (None where the option is missing).
    How many frames the capture lost is observed as "frames-dropped". Raises MachineError.
    """
    capture.stop()
    history.record("observe", "switch", "frames-dropped", value=capture.dropped)
    for frame in frames(capture.path):
        if frame.direction == "in" and frame.source == GUEST_MAC:
            kind, data = _describe(frame)
            history.append("frame", frame.port, kind, data, at=history.when(frame.at))


def record_voices(capture: Capture, history: History) -> None:
    """End the capture and record which host the guest's NIC was heard from, stretch by stretch.

    An observation "voice" of that host, at its first frame; its value is the number of frames until another one is
    heard, `until` is the moment of the last one. How many frames the capture lost is observed as "frames-dropped".
    Raises MachineError.
    """
    capture.stop()
    history.record("observe", "switch", "frames-dropped", value=capture.dropped)
    heard = (frame for frame in frames(capture.path) if frame.direction == "in" and frame.source == GUEST_MAC)
    for host, stretch in groupby(heard, key=lambda frame: frame.port):
        moments = [history.when(frame.at) for frame in stretch]
        history.record("observe", host, "voice", at=moments[0], value=len(moments), until=round(moments[-1], 6))


def _describe(frame: Frame) -> tuple[str, dict[str, Any]]:
    if frame.ethertype != IPV4:
        return _KINDS.get(frame.ethertype, f"{frame.ethertype:#06x}"), {}
    packet = frame.payload
    kind = _PROTOCOLS.get(packet[9], "ip") if len(packet) >= _SHORTEST else "ip"
    if kind != "tcp":
        return kind, {}
    size = struct.unpack_from("!H", packet, 2)[0]
    segment = packet[(packet[0] & 15) * 4 : size]
    return (kind, _segment(segment)) if len(segment) >= _SHORTEST else ("ip", {})


def _segment(segment: bytes) -> dict[str, Any]:
    guest_port, peer_port, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", segment)
    head = (offset >> 4) * 4
    return {
        "guest_port": guest_port,
        "peer_port": peer_port,
        "seq": seq,
        "ack": ack,
        "flags": flags,
        "size": len(segment) - head,
        "tsval": _tsval(segment[20:head]),
    }


def _tsval(options: bytes) -> int | None:
    """Return TSval of the timestamps option, None where there is none."""
    at = 0
    while at < len(options) and options[at] != _END:
        if options[at] == _NO_OPERATION:
            at += 1
        elif options[at] == _TIMESTAMPS and at + 6 <= len(options):
            return int(struct.unpack_from("!I", options, at + 2)[0])
        else:
            at += max(options[at + 1 : at + 2] + b"\2")
    return None
