"""Fates: what becomes of the frames on a wire of ours."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from colo_harness.errors import MachineError
from colo_harness.machine.segment import Segment, end_of, parsed, payload_at, summed
from colo_harness.machine.wire import HEAD, Delivery, End

RESET = 0x04
UNSUMMED = 0x01
"""VIRTIO_NET_HDR_F_NEEDS_CSUM (linux/virtio_net.h)."""
OVERTAKEN_S = 0.01
"""So long a frame is held back that others are to overtake."""
BACKLOG_S = 0.5
"""What a narrow wire keeps waiting at most; more is lost, as in a router."""


class Barred:
    """Frames that `bars` picks are lost on their way, or refused: then whoever sent a segment gets a reset for it."""

    def __init__(self, bars: Callable[[Segment | None, End], bool], *, refusing: bool) -> None:
        self._bars = bars
        self._refusing = refusing
        self.tally: Counter[str] = Counter()
        self.met: set[End] = set()
        """The ends at which it has picked a frame."""

    def meets(self, frame: bytes, end: End) -> Iterator[Delivery]:
        """Yield the frame, the refusal, or nothing."""
        segment = parsed(frame)
        if not self._bars(segment, end):
            yield Delivery(frame)
            return
        self.tally["lost"] += 1
        self.met.add(end)
        if self._refusing and segment and not segment.flags & RESET:
            self.tally["refused"] += 1
            yield Delivery(segment.refusal(), back=True)


@dataclass(frozen=True)
class Impairment:
    """How bad a link is, in either direction; shares are percent of the frames, chosen at random.

    One that is not bad at all is still a real one: it carries frames of the usual size, each with its checksum.
    """

    delay_ms: float = 0
    jitter_ms: float = 0
    """The delay is as much longer or shorter; frames stay in order."""
    mbit: float = 0
    """Megabits a second; 0 is no limit."""
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0
    """These are overtaken by others."""
    corrupt: float = 0
    """In these one bit is flipped."""

    def __str__(self) -> str:
        ways = [f"{name.removesuffix('_ms')}-{value:g}" for name, value in asdict(self).items() if value]
        return "-".join(ways) or "real"


class Impaired:
    """Frames fare as on a bad link; what happens to which is decided by `seed` and by when they come.

    A bit is flipped behind the IP header, and only in what real wires carry: a frame whose checksum is still to be
    made would be given one that is right. With `laundered` it is given one on purpose.
    """

    def __init__(self, impairment: Impairment, seed: int, *, laundered: bool = False) -> None:
        self._bad = impairment
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._laundered = laundered
        self._free = [0.0, 0.0]
        self._latest = [0.0, 0.0]
        self.tally: Counter[str] = Counter()

    def meets(self, frame: bytes, end: End) -> Iterator[Delivery]:
        """Yield what comes of the frame."""
        bad = self._bad
        at = self._through(len(frame) - HEAD, end)
        if at is None or self._befalls("loss", bad.loss):
            return
        if payload_at(frame) is not None and self._befalls("corrupt", bad.corrupt):
            frame = self._spoilt(frame)
        if bad.delay_ms:
            at += (bad.delay_ms + self._random.uniform(-bad.jitter_ms, bad.jitter_ms)) / 1000
        if self._befalls("reorder", bad.reorder):
            at += OVERTAKEN_S
        else:
            at = self._latest[end] = max(at, self._latest[end])
        for _ in range(1 + self._befalls("duplicate", bad.duplicate)):
            yield Delivery(frame, at)

    def _through(self, size: int, end: End) -> float | None:
        """Return when so many bytes are through the wire, None where too much waits already."""
        now = time.monotonic()
        if not self._bad.mbit:
            return now
        free = max(self._free[end], now)
        if free - now > BACKLOG_S:
            self.tally["overflow"] += 1
            return None
        self._free[end] = free + size * 8 / (self._bad.mbit * 1e6)
        return self._free[end]

    def _befalls(self, what: str, share: float) -> bool:
        hit = bool(share) and self._random.uniform(0, 100) < share
        self.tally[what] += hit
        return hit

    def _spoilt(self, frame: bytes) -> bytes:
        if frame[0] & UNSUMMED or frame[1]:
            raise MachineError("a frame came without its checksum", "whatever sends into this wire must sum it")
        start = payload_at(frame) or 0
        bit = self._random.randrange(start * 8, end_of(frame) * 8)
        spoilt = bytearray(HEAD) + frame[HEAD:]
        spoilt[bit // 8] ^= 1 << bit % 8
        return summed(bytes(spoilt)) if self._laundered else bytes(spoilt)
