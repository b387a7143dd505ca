"""How long a checkpoint waits for TCP to acknowledge: with the kernel's delay, and without it, on one pair in turn."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.interval import paired_ratio
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.history import History
from colo_harness.judge.checkpoints import messages
from colo_harness.judge.measuring import divided
from colo_harness.machine.capture import Capture, frames
from colo_harness.qemu.topology import Channel
from colo_harness.traffic.differ import Differ

WAYS = {"delayed": False, "quickack 1": True}
"""How the hosts' kernels acknowledge what comes over the COLO network, and whether that is at once (ip-route(8))."""
WHATS = ("idle pause", "pause", "answer")
"""A checkpoint of a guest that rests, one that an answer forces, and that answer."""
UNAIDED_MS = 60_000
"""No checkpoint comes of itself."""
SIZE, AT = 512, 5
"""Of the answer that differs, which forces a checkpoint."""


def measure_acknowledgements(gauge: Gauge, usual: int) -> None:
    """Ask one pair for answers that differ, while its hosts acknowledge one way or the other."""
    history = gauge.sheet.history
    with gauge.replicating(checkpoint_delay_ms=UNAIDED_MS) as pair, gauge.client(pair) as client:
        differ = client.differ()
        path = pair.files["host_a"].folder / "checkpoints.pcap"
        with _listening(gauge, pair, path):
            for number in gauge.repetitions(usual):
                for way in gauge.dice.sample(sorted(WAYS), len(WAYS)):
                    pair.network.acknowledge(at_once=WAYS[way])
                    _take(gauge, pair, differ, way, number)
        departures(path, history)
    sheet = gauge.sheet
    for what in WHATS:
        taken = [sheet.seconds(f"{what}, {way}") for way in ("quickack 1", "delayed")]
        sheet.derived[f"{what}, quickack 1 over delayed"] = paired_ratio(*taken, seed=sheet.seed).as_json()


def _listening(gauge: Gauge, pair: ColoPair, path: Path) -> Capture:
    network, only = pair.network, f"tcp port {Channel.CHECKPOINT}"
    guardian = gauge.lab.around.guardian
    return Capture(network, path, guardian=guardian, place=network.host_b, ports=("colo0",), only=only)


def _take(gauge: Gauge, pair: ColoPair, differ: Differ, way: str, number: int) -> None:
    history, since = pair.history, pair.history.now()
    history.append("phase", "pair", "acknowledging", {"way": way})
    with pair.watching():
        pair.checkpoint()
    _note(gauge, f"idle pause, {way}", number, since)
    since = history.now()
    with pair.settling():
        differ.ask(SIZE, AT)
    asked = [entry for entry in history.entries if entry.kind == "op" and entry.what == "differ"][-2:]
    gauge.sheet.take(f"answer, {way}", number, asked[1].at - asked[0].at)
    _note(gauge, f"pause, {way}", number, since)


def _note(gauge: Gauge, measure: str, number: int, since: float) -> None:
    """Take note of the pauses since then."""
    for pause, parts in divided(gauge.sheet.history.entries):
        if pause.start >= since:
            gauge.sheet.take(measure, number, pause.duration, **parts)


def departures(path: Path, history: History) -> None:
    """Record when each message of the secondary left its host: when it was said, and the one before acknowledged.

    Raises MachineError where the capture and QEMU's trace do not tell of the same messages.
    """
    said = [one for one in messages(history.entries, "host_b") if one.direction == "send"]
    left = list(segments(path))
    if len(said) < len(left) or not left:
        raise MachineError(f"{len(left)} messages were captured, {len(said)} traced", "measure again")
    heard = None
    for message, segment in zip(said[-len(left) :], left, strict=True):
        told = {"message": message.name, "said": message.at, "before": heard}
        history.append("phase", "host_b", "left", told, at=history.when(segment.at))
        heard = None if segment.acknowledged is None else history.when(segment.acknowledged)


@dataclass
class Segment:
    """A message on the wire, alone in its segment: when it left, and when its acknowledgement came, CLOCK_REALTIME."""

    at: float
    end: int
    acknowledged: float | None = None


def segments(path: Path) -> Iterator[Segment]:
    """Yield what the secondary sent on the checkpoint stream, message by message."""
    last: Segment | None = None
    for frame in frames(path):
        segment, (near, _, seq, ack) = tcp(frame.payload)
        size = len(segment)
        if near != int(Channel.CHECKPOINT):
            if last and last.acknowledged is None and (ack - last.end) % (1 << 32) < 1 << 31:
                last.acknowledged = frame.at
        elif size:
            if last:
                yield last
            last = Segment(frame.at, (seq + size) % (1 << 32))
    if last:
        yield last


def tcp(packet: bytes) -> tuple[bytes, tuple[int, int, int, int]]:
    """Return what a segment carries, and its ports, sequence number and acknowledgement (RFC 9293, 3.1)."""
    start = (packet[0] & 15) * 4
    near, far, seq, ack, offset = struct.unpack_from("!HHIIB", packet, start)
    size = struct.unpack_from("!H", packet, 2)[0] or len(packet)
    return packet[start + (offset >> 4) * 4 : size], (near, far, seq, ack)
