"""Packets: the frames of the service network, decoded."""

from collections.abc import Iterator
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.capture import Frame, frames
from colo_harness.report.failure.excerpt import Line

CAPTURE = "service.pcap"
BYTES = 24
"""So much of a payload is shown."""


def seen(folder: Path, origin: float) -> Iterator[Line]:
    """Yield each frame that came into the service network's switch, by the port that it came in at.

    `origin` is CLOCK_REALTIME where the history's time begins. Nothing where nothing was captured.
    """
    path = folder / CAPTURE
    if not path.is_file():
        return
    try:
        for frame in frames(path):
            if frame.direction == "in":
                yield frame.at - origin, f"from {frame.port:<7} {words(frame)}"
    except (MachineError, OSError) as trouble:
        yield 0.0, f"the capture cannot be read: {trouble}"


def words(frame: Frame) -> str:
    """Decode a frame."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: PLC0415 - takes half a second

    packet = frame.packet
    if IP not in packet:
        return str(packet.summary())
    ip = packet[IP]
    if TCP in packet:
        tcp = packet[TCP]
        options = dict(one for one in tcp.options if len(one) == 2)  # noqa: PLR2004 - name and value
        clock = f" TSval {options['Timestamp'][0]}" if "Timestamp" in options else ""
        payload = bytes(tcp.payload)[: ip.len - ip.ihl * 4 - tcp.dataofs * 4]
        head = f"TCP {ip.src}:{tcp.sport} > {ip.dst}:{tcp.dport} [{tcp.flags}] seq {tcp.seq} ack {tcp.ack}{clock}"
        return f"{head} {_payload(payload)}"
    if UDP in packet:
        udp = packet[UDP]
        return f"UDP {ip.src}:{udp.sport} > {ip.dst}:{udp.dport} {_payload(bytes(udp.payload)[: udp.len - 8])}"
    if ICMP in packet:
        return f"ICMP {ip.src} > {ip.dst} type {packet[ICMP].type} {_payload(bytes(packet[ICMP].payload))}"
    return f"IP {ip.src} > {ip.dst} protocol {ip.proto}"


def _payload(content: bytes) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in content[:BYTES])  # noqa: PLR2004 - ASCII
    return f"{len(content)} bytes" + (f" |{shown}|" if content else "")
