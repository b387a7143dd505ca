"""Comparers: colo-compare in a few lines of Python, once sound, and broken in one place each."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from colo_harness.history import History
from colo_harness.judge.dissecting import Segment, StreamId, Word, dissect
from colo_harness.proxy.compare import ASK, DONE

_CYCLE = 1 << 32


@dataclass
class Lane:
    """One stream: what of the primary waits, and what the secondary has said at each place, or which texts."""

    held: list[bytes] = field(default_factory=list)
    sent: dict[Hashable, Word] = field(default_factory=dict)
    said: dict[Hashable, Word] = field(default_factory=dict)
    sent_ack: int | None = None
    said_ack: int | None = None
    texts: list[bytes] = field(default_factory=list)


class Comparer:
    """A sound one; it records what goes in and comes out as the ports of a bench do."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lanes: dict[StreamId, Lane] = defaultdict(Lane)
        self._count = {"primary_in": 0, "secondary_in": 0}
        self._out: list[bytes] = []

    def primary(self, *frames: bytes) -> None:
        """The primary sends frames."""
        for frame in frames:
            self._goes_in("primary_in", frame)
            said = dissect(frame)
            if said.stream is None:
                self.release(frame)
                continue
            lane = self._lanes[said.stream]
            lane.held.append(frame)
            if said.segment:
                lane.sent |= places(said.segment)
                lane.sent_ack = further(lane.sent_ack, said.segment.ack)
            self.compare(lane)

    def secondary(self, *frames: bytes) -> None:
        """The secondary sends frames."""
        for frame in frames:
            self._goes_in("secondary_in", frame)
            said = dissect(frame)
            if said.stream is None:
                continue
            lane = self._lanes[said.stream]
            if said.segment:
                lane.said |= places(said.segment)
                lane.said_ack = further(lane.said_ack, said.segment.ack)
            else:
                lane.texts.append(said.text)
            self.compare(lane)

    def settle(self) -> None:
        """All is decided."""
        self._history.record("phase", "bench", "settled")

    def checkpoint(self) -> None:
        """A checkpoint is done."""
        self._history.append("frame", "notify_dev", "in", {"hex": DONE.hex()})
        for lane in self._lanes.values():
            self.flush(lane)
            self.copy(lane)
        self.settle()

    def released(self) -> list[bytes]:
        """Return the frames that came out since the last call."""
        out, self._out = self._out, []
        return out

    def compare(self, lane: Lane) -> None:
        """Release what both have said, and ask for a checkpoint where they differ."""
        while lane.held and self.alike(lane, lane.held[0]):
            self.release(lane.held.pop(0))
        if any(self.differs(lane, frame) for frame in lane.held):
            self.ask()

    def alike(self, lane: Lane, frame: bytes) -> bool:
        """Tell whether the secondary has said the same; a datagram's twin is used up."""
        said = dissect(frame)
        if said.segment is None:
            twin = said.text in lane.texts
            if twin:
                lane.texts.remove(said.text)
            return twin
        words = places(said.segment)
        sound = not any(self.differs(lane, other) and precedes(other, frame) for other in lane.held)
        return sound and words.items() <= lane.said.items() and self.acknowledged(lane, said.segment)

    def differs(self, lane: Lane, frame: bytes) -> bool:
        """Tell whether the secondary has said something else."""
        said = dissect(frame)
        if said.segment is None:
            return frame == lane.held[0] and bool(lane.texts)
        return any(lane.said.get(place, word) != word for place, word in places(said.segment).items())

    def acknowledged(self, lane: Lane, segment: Segment) -> bool:
        """Tell whether the secondary has acknowledged as much."""
        return further(lane.said_ack, segment.ack) == lane.said_ack

    def release(self, frame: bytes) -> None:
        """Let a frame come out."""
        self._out.append(frame)
        self._history.append("frame", "outdev", "out", {"hex": frame.hex()})

    def ask(self) -> None:
        """Ask for a checkpoint."""
        self._history.append("frame", "notify_dev", "out", {"hex": ASK.hex()})

    def flush(self, lane: Lane) -> None:
        """Let all that is held come out."""
        while lane.held:
            self.release(lane.held.pop(0))

    def copy(self, lane: Lane) -> None:
        """Make the secondary a copy of the primary."""
        lane.said, lane.said_ack, lane.texts = dict(lane.sent), lane.sent_ack, []

    def _goes_in(self, port: str, frame: bytes) -> None:
        self._count[port] += 1
        self._history.append("frame", port, "in", {"name": f"{port[0]}{self._count[port]}", "hex": frame.hex()})


def places(segment: Segment) -> dict[Hashable, Word]:
    """Return the words of a segment by sequence number."""
    return {(segment.seq + offset) % _CYCLE: word for offset, word in enumerate(segment.words)}


def precedes(one: bytes, other: bytes) -> bool:
    """Tell whether one segment begins before another one of its stream."""
    first, second = (segment.seq for frame in (one, other) if (segment := dissect(frame).segment))
    return (first - second) % _CYCLE >= _CYCLE // 2


def further(one: int | None, other: int | None) -> int | None:
    """Return the further one of two acknowledgements."""
    if one is None or other is None:
        return other if one is None else one
    return other if (other - one) % _CYCLE < _CYCLE // 2 else one


class Hasty(Comparer):
    """It compares the first two words of a segment only."""

    def alike(self, lane: Lane, frame: bytes) -> bool:
        """Look at them."""
        segment = dissect(frame).segment
        if segment is None:
            return super().alike(lane, frame)
        first = places(Segment(segment.seq, segment.ack, segment.words[:2]))
        return first.items() <= lane.said.items() and self.acknowledged(lane, segment)


class Swapper(Comparer):
    """It lets the secondary's frame come out where both are alike."""

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self._twins: list[bytes] = []

    def secondary(self, *frames: bytes) -> None:
        """Remember them."""
        self._twins += frames
        super().secondary(*frames)

    def release(self, frame: bytes) -> None:
        """Take the secondary's."""
        alike = [twin for twin in self._twins if dissect(twin) == dissect(frame)]
        super().release(alike[-1] if alike else frame)


class Mute(Comparer):
    """It forgets to ask for a checkpoint."""

    def ask(self) -> None:
        """Do nothing."""


class Doubler(Comparer):
    """It lets what a checkpoint brings out come out twice."""

    def flush(self, lane: Lane) -> None:
        """Let it."""
        for frame in lane.held:
            self.release(frame)
        super().flush(lane)


class Reverser(Comparer):
    """A checkpoint brings out the newest first."""

    def flush(self, lane: Lane) -> None:
        """Turn them round."""
        lane.held.reverse()
        super().flush(lane)


class Rememberer(Comparer):
    """What the secondary said before a checkpoint takes part in comparisons after it."""

    def copy(self, lane: Lane) -> None:
        """Forget nothing."""
        lane.said = {**lane.said, **lane.sent}
        lane.said_ack = further(lane.said_ack, lane.sent_ack)


class Optimist(Comparer):
    """It does not look at acknowledgements."""

    def acknowledged(self, _lane: Lane, _segment: Segment) -> bool:
        """Believe it."""
        return True


class Nervous(Comparer):
    """It asks for a checkpoint as soon as the secondary lags."""

    def compare(self, lane: Lane) -> None:
        """Ask where something waits."""
        super().compare(lane)
        if len(lane.held) > 1:
            self.ask()


class Loser(Comparer):
    """It loses the last frame that is held when a checkpoint is done."""

    def flush(self, lane: Lane) -> None:
        """Lose it."""
        del lane.held[1:]
        super().flush(lane)


class Leaker(Comparer):
    """It lets frames that are not compared pass from the secondary too."""

    def secondary(self, *frames: bytes) -> None:
        """Let them pass."""
        super().secondary(*frames)
        for frame in frames:
            if dissect(frame).stream is None:
                self.release(frame)


BROKEN: Mapping[str, type[Comparer]] = {
    kind.__name__.lower(): kind
    for kind in (Hasty, Swapper, Mute, Doubler, Reverser, Rememberer, Optimist, Nervous, Loser, Leaker)
}
