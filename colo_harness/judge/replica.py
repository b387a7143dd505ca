"""A replica of colo-compare: it decides as that does, findings included, on the frames that both guests sent.

What should be decided is in comparing.py. The rules here are those of net/colo-compare.c: TCP by payload in order of
sequence, all else packet by packet. What is not IPv4 passes. A checkpoint releases what the primary sent and drops what
the secondary sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from colo_harness.judge.packets import Flow, Packet, parse

Side = Literal["primary", "secondary"]
Quarrel = Literal["payload", "size", "order", "segmentation", "acknowledgement"]
QUEUE = 1024
"""colo-compare's `max_queue_size`; one more still fits."""


@dataclass(frozen=True)
class Dispute:
    """Why colo-compare asks for a checkpoint: two packets of a flow that do not match.

    `offset` is that of the first byte that differs: in TCP's stream, else in the payload, or before it where negative;
    `primary` and `secondary` are its values. Of a "size" they are those of the payloads; of an "order", how many
    packets wait; of a "segmentation", where the two segments begin in the stream. `again`
    says that a frame is like one which the checkpoint before had let go.
    """

    at: float
    quarrel: Quarrel
    flow: Flow
    offset: int | None = None
    primary: int | None = None
    secondary: int | None = None
    again: bool = False


@dataclass
class Queued:
    """A packet that waits for its twin since `at`; `taken` bytes of its payload have been compared."""

    at: float
    side: Side
    packet: Packet
    taken: int = 0

    @property
    def end(self) -> int:
        """TCP's sequence number behind the payload."""
        return (self.packet.seq + len(self.packet.payload)) % (1 << 32)

    @property
    def rest(self) -> bytes:
        """The payload that has not been compared."""
        return self.packet.payload[self.taken :]


@dataclass
class Replica:
    """The state of colo-compare, after every frame that was heard; counts are of the primary's frames."""

    passed: int = 0
    """Released without a checkpoint."""
    held: int = 0
    """Released by a checkpoint."""
    _flows: dict[Flow, "_Queues"] = field(default_factory=dict)
    _let_go: set[tuple[Flow, int, bytes]] = field(default_factory=set)
    """Flow, sequence number and payload of what the last checkpoint released."""

    def hear(self, at: float, side: Side, frame: bytes) -> Dispute | None:
        """Take a frame in; return the dispute that it leads to."""
        packet = parse(frame)
        if packet is None:
            self.passed += side == "primary"
            return None
        if packet.flow not in self._flows:
            self._flows[packet.flow] = _Stream() if packet.flow.protocol == "tcp" else _Queues()
        queues = self._flows[packet.flow]
        queues.put(Queued(at, side, packet))
        before = len(queues.primary)
        dispute = queues.compare(at)
        self.passed += before - len(queues.primary)
        return dispute and replace(dispute, again=any(map(self.is_repeated, (*queues.primary, *queues.secondary))))

    def flush(self) -> None:
        """A checkpoint has been committed."""
        released = [one.packet for one in self.waiting() if one.side == "primary"]
        self._let_go = {(one.flow, one.seq, one.payload) for one in released}
        self.held += len(released)
        for queues in self._flows.values():
            queues.primary.clear()
            queues.secondary.clear()

    def is_repeated(self, queued: Queued) -> bool:
        """Say whether a packet, other than a datagram of the primary's, is like one that the last checkpoint let go."""
        packet = queued.packet
        if queued.side == "primary" and packet.flow.protocol != "tcp":
            return False
        return (packet.flow, packet.seq, packet.payload) in self._let_go

    def waiting(self) -> Iterator[Queued]:
        """Yield the packets that have not met their twin."""
        for queues in self._flows.values():
            yield from queues.primary
            yield from queues.secondary


class _Queues:
    """What waits on one flow, in the order of coming."""

    def __init__(self) -> None:
        self.primary: list[Queued] = []
        self.secondary: list[Queued] = []

    def put(self, queued: Queued) -> None:
        """Let a packet wait."""
        queue = self._queue(queued.side)
        if len(queue) <= QUEUE:
            queue.append(queued)

    def _queue(self, side: Side) -> list[Queued]:
        return self.primary if side == "primary" else self.secondary

    def compare(self, at: float) -> Dispute | None:
        """Match the primary's last packet with any of the secondary's, time and again."""
        while self.primary and self.secondary:
            ours = self.primary[-1].packet
            twin = next((one for one in self.secondary if _alike(ours, one.packet)), None)
            if twin is None:
                return self._dispute_of_last(at, ours)
            self.primary.pop()
            self.secondary.remove(twin)
        return None

    def _dispute_of_last(self, at: float, ours: Packet) -> Dispute:
        """Say why the primary's last packet matches none: an earlier one does, or how the most similar one differs."""
        others = [one.packet for one in self.secondary]
        if any(_alike(one.packet, other) for one in self.primary for other in others):
            return Dispute(at, "order", ours.flow, None, len(self.primary), len(others))
        return _closest(at, ours, others)


class _Stream(_Queues):
    """What waits on one TCP connection, in order of sequence; what was compared last ends before `done`."""

    def __init__(self) -> None:
        super().__init__()
        self._done: int | None = None
        self._start: int | None = None
        self._acks: dict[Side, int] = {"primary": 0, "secondary": 0}

    def put(self, queued: Queued) -> None:
        """Let a segment wait."""
        queue, packet = self._queue(queued.side), queued.packet
        if queued.side == "primary" and (packet.syn or self._start is None):  # the secondary's SYN is its own
            self._start = packet.seq + packet.syn
        if len(queue) > QUEUE:
            return
        self._acks[queued.side] = packet.ack
        at = next((n for n, one in enumerate(queue) if _after(one.packet.seq, packet.seq)), len(queue))
        queue.insert(at, queued)

    def compare(self, at: float) -> Dispute | None:
        """Match both streams as far as both go."""
        while self.primary and self.secondary:
            ours, theirs = self.primary[0], self.secondary[0]
            spent = [one for one in (ours, theirs) if self._is_spent(one)]
            for one in spent:
                self._queue(one.side).remove(one)
            if not spent and (quarrel := self._match(ours, theirs)):
                return self._dispute(at, quarrel, ours, theirs)
        return None

    def _is_spent(self, one: Queued) -> bool:
        """Say whether a segment carries nothing new."""
        return not one.packet.payload or (self._done is not None and not _after(one.end, self._done))

    def _match(self, ours: Queued, theirs: Queued) -> Quarrel | None:
        """Compare two segments as far as both go; take off what was alike, or say what is wrong."""
        if (ours.packet.seq, ours.packet.payload) == (theirs.packet.seq, theirs.packet.payload):
            self._finish(ours, theirs)
            return None
        common = len(theirs.rest) if _after(ours.end, theirs.end) else len(ours.rest)
        if ours.rest[:common] != theirs.rest[:common]:
            return "payload"
        if _after(ours.end, theirs.end):
            ours.taken += common
            self._finish(theirs)
        elif _after(ours.packet.ack, min(self._acks.values())):
            return "acknowledgement"
        else:
            theirs.taken += common
            self._finish(ours)
        return None

    def _finish(self, *segments: Queued) -> None:
        for one in segments:
            self._done = one.end
            self._queue(one.side).remove(one)

    def _dispute(self, at: float, quarrel: Quarrel, ours: Queued, theirs: Queued) -> Dispute:
        """Say where two streams part; they do not, where segments that begin apart were laid upon each other."""
        flow = ours.packet.flow
        if quarrel != "payload":
            return Dispute(at, quarrel, flow)
        start = self._start or 0
        begins = [(one.packet.seq - start) % (1 << 32) for one in (ours, theirs)]
        ahead = _signed(theirs.packet.seq - ours.packet.seq)
        mine, other = ours.packet.payload[max(ahead, 0) :], theirs.packet.payload[max(-ahead, 0) :]
        found = first_difference(mine, other)
        if found is None or found >= min(len(mine), len(other)):
            return Dispute(at, "segmentation", flow, None, begins[0], begins[1])
        position = (begins[0] + max(ahead, 0) + found) % (1 << 32)
        return Dispute(at, "payload", flow, position, mine[found], other[found])


def first_difference(one: bytes, other: bytes) -> int | None:
    """Return where two texts part, which may be where the shorter one ends; None where they are equal."""
    if one == other:
        return None
    common = min(len(one), len(other))
    low, high = 0, common  # their first `low` bytes are equal, their first `high` may not be
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _alike(ours: Packet, theirs: Packet) -> bool:
    same = ours.size == theirs.size and ours.header + ours.payload == theirs.header + theirs.payload
    return same and ours.flow.protocol == theirs.flow.protocol


def _closest(at: float, ours: Packet, others: list[Packet]) -> Dispute:
    """Say where a packet differs from the one that is most like it."""

    def shared(other: Packet) -> int:
        found = first_difference(ours.payload, other.payload)
        return len(ours.payload) if found is None else found

    other = max(others, key=shared)
    if ours.size != other.size:
        return Dispute(at, "size", ours.flow, None, len(ours.payload), len(other.payload))
    offset = first_difference(ours.payload, other.payload)
    if offset is not None:
        return Dispute(at, "payload", ours.flow, offset, ours.payload[offset], other.payload[offset])
    offset = first_difference(ours.header, other.header) or 0
    return Dispute(at, "payload", ours.flow, offset - len(ours.header), ours.header[offset], other.header[offset])


def _signed(difference: int) -> int:
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)


def _after(one: int, other: int) -> bool:
    return _signed(one - other) > 0
