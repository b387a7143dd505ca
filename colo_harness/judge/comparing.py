"""The comparison as COLO's documents promise it: what a client may see of what both VMs send.

This is the specification that QEMU is held against; it says nothing of how colo-compare works. The documents leave
freedom, so for each frame there are two questions: may it come out by now, and must it? The rules:

* What comes out is the primary's, unchanged, each frame once, the frames of a stream in order
  (docs/colo-proxy.txt, Components introduction).
* A frame comes out only when the secondary has said the same, and then it must (COLO-FT, Background). For TCP that is
  each byte at its place in the stream, however it is cut into segments; for UDP and ICMP the payload of IP; for any
  other protocol the whole frame (net/colo-compare.c). A SYN is alike whatever its number: until a connection stands,
  each VM has numbers of its own (docs/colo-proxy.txt, filter-rewriter).
* What the primary acknowledges to a client, the secondary has acknowledged too (net/colo-compare.c, colo_compare_tcp).
* What differs asks for a checkpoint, at least once, and is held until it is done; nothing else asks for one
  (docs/colo-proxy.txt, Architecture).
* A checkpoint brings out all that was held, and makes the secondary's state the primary's: from then on it has said
  what the primary had said before, and what it said itself is void (COLO-FT, Architecture).
* What is no plain IPv4 passes from the primary at once, and never from the secondary (net/colo-compare.c,
  packet_enqueue).

Left free: how often a checkpoint is asked for while something differs, and whether one is while the secondary lags in
acknowledging; when a segment comes out that says nothing new (a bare acknowledgement, a flag, a retransmission), if
only the next segment of the secondary brings it out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colo_harness.judge.dissecting import Dissected, StreamId, Word, dissect

_CYCLE = 1 << 32
_OPENING = -_CYCLE
"""The place of a SYN: before all others, wherever a VM lets its numbers begin; filter-rewriter makes the rest alike."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A frame of the primary that has not come out: its name, and what it says."""

    name: str
    said: Dissected


class Stream:
    """One stream: the primary's frames that wait, in the order of sending."""

    def __init__(self) -> None:
        self.held: list[Waiting] = []
        self.asked = False
        """Whether a checkpoint was asked for because of the difference that there is."""
        self.may_ask = False
        """Whether there was a reason to ask for a checkpoint since the last answer."""
        self.prompted: Waiting | None = None
        """The frame that was the first to wait when the secondary sent one."""
        self.flushed: list[Waiting] = []
        """What a checkpoint is to bring out."""

    def primary(self, frame: Waiting) -> None:
        """The primary sends a frame."""
        self.held.append(frame)
        self.may_ask |= self.doubtful()

    def secondary(self, frame: Dissected) -> None:
        """The secondary sends a frame."""
        if self.held and self.prompted not in self.held:
            self.prompted = self.held[0]
        self.take(frame)
        self.may_ask |= self.doubtful()

    def checkpoint(self) -> None:
        """The secondary becomes a copy of the primary."""
        self.flushed = list(self.held)
        self.asked = False

    def left(self, frame: Waiting) -> None:
        """A frame has come out."""
        self.held.remove(frame)

    def rest(self) -> None:
        """An answer was given."""
        self.may_ask, self.prompted, self.flushed = False, None, []

    def take(self, frame: Dissected) -> None:
        """Remember what the secondary says."""
        raise NotImplementedError

    def hindrance(self, frame: Waiting) -> str:
        """Say why a frame may not come out yet; empty if it may."""
        raise NotImplementedError

    def due(self, frame: Waiting) -> bool:
        """Tell whether the first frame that waits should have come out."""
        raise NotImplementedError

    def precedes(self, frame: Waiting, other: Waiting) -> bool:
        """Tell whether a frame may come out before another one that was sent before it."""
        raise NotImplementedError

    def differs(self) -> bool:
        """Tell whether the first frame that waits differs from what the secondary has said."""
        raise NotImplementedError

    def doubtful(self) -> bool:
        """Tell whether there is a reason to ask for a checkpoint."""
        raise NotImplementedError


class TcpStream(Stream):
    """A direction of a TCP connection: words at places that are counted from the first sequence number."""

    def __init__(self) -> None:
        super().__init__()
        self._origin: int | None = None
        self._ack_origin: int | None = None
        self._sent: dict[int, Word] = {}
        self._said: dict[int, Word] = {}
        self._out: set[int] = set()
        self._sent_ack: int | None = None
        self._said_ack: int | None = None
        self._unlike: set[int] = set()
        """Places at which both have said something else since the last checkpoint."""

    def primary(self, frame: Waiting) -> None:
        """The primary sends a segment."""
        words = self._words(frame.said)
        self._unlike |= {place for place, word in words.items() if self._said.get(place, word) != word}
        self._sent |= words
        self._sent_ack = _higher(self._sent_ack, self._ack(frame.said))
        super().primary(frame)

    def take(self, frame: Dissected) -> None:
        """Remember words and acknowledgement."""
        words = self._words(frame)
        self._unlike |= {place for place, word in words.items() if self._sent.get(place, word) != word}
        self._said |= words
        self._said_ack = _higher(self._said_ack, self._ack(frame))

    def checkpoint(self) -> None:
        """The secondary has sent and acknowledged what the primary has, and nothing else."""
        super().checkpoint()
        self._said, self._said_ack, self._unlike = dict(self._sent), self._sent_ack, set()

    def left(self, frame: Waiting) -> None:
        """A client has seen these words."""
        super().left(frame)
        self._out |= self._words(frame.said).keys()

    def hindrance(self, frame: Waiting) -> str:
        """Each word must have been said, and as much acknowledged."""
        words = self._words(frame.said)
        if unsaid := [place for place in words if place not in self._said]:
            return f"{len(unsaid)} of its {len(words)} bytes were not said by the secondary"
        end = self._start(frame.said) + len(words)
        if unlike := [place for place in self._unlike - self._out if place < end]:
            return f"the secondary has said another byte, {end - min(unlike)} before its end"
        return self._ahead(frame)

    def due(self, frame: Waiting) -> bool:
        """New bytes come out at once, anything else with the next segment of the secondary."""
        new = any(isinstance(word, int) and place not in self._out for place, word in self._words(frame.said).items())
        return not self.hindrance(frame) and (new or frame is self.prompted)

    def precedes(self, frame: Waiting, other: Waiting) -> bool:
        """New words may be put in the order of the stream."""
        mine, others = self._words(frame.said), self._words(other.said)
        return bool(mine) and bool(others) and max(mine) < min(others) and self._out.isdisjoint(mine)

    def differs(self) -> bool:
        """Tell whether of those that wait the first in the stream has a word that the secondary said otherwise."""
        first = min((frame.said for frame in self.held), key=self._start, default=None)
        return first is not None and not self._unlike.isdisjoint(self._words(first))

    def doubtful(self) -> bool:
        """Tell whether both have said other words at one place, or the secondary lags in acknowledging."""
        lags = bool(self.held) and self.hindrance(self.held[0]) == self._ahead(self.held[0]) != ""
        return bool(self._unlike) or lags

    def _ahead(self, frame: Waiting) -> str:
        ack = self._ack(frame.said)
        if ack is None or (self._said_ack is not None and ack <= self._said_ack):
            return ""
        return "it acknowledges what the secondary has not acknowledged"

    def _words(self, frame: Dissected) -> dict[int, Word]:
        return dict(enumerate(frame.segment.words if frame.segment else (), start=self._start(frame)))

    def _start(self, frame: Dissected) -> int:
        if frame.segment is None:
            return 0
        if frame.segment.words[:1] == ("SYN",):
            return _OPENING
        if self._origin is None:
            self._origin = frame.segment.seq
        return _signed(frame.segment.seq - self._origin)

    def _ack(self, frame: Dissected) -> int | None:
        segment = frame.segment
        if segment is None or segment.ack is None:
            return None
        if self._ack_origin is None:
            self._ack_origin = segment.ack
        return _signed(segment.ack - self._ack_origin)


class DatagramStream(Stream):
    """Datagrams from one sender to one receiver: each is matched by one of the secondary that is alike."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[bytes] = []

    def take(self, frame: Dissected) -> None:
        """Remember the datagram."""
        self._said.append(frame.text)

    def checkpoint(self) -> None:
        """Forget what the secondary said."""
        super().checkpoint()
        self._said.clear()

    def left(self, frame: Waiting) -> None:
        """The secondary's twin is used up."""
        super().left(frame)
        self.asked = False
        if frame.said.text in self._said:
            self._said.remove(frame.said.text)

    def hindrance(self, frame: Waiting) -> str:
        """There must be a twin."""
        return "" if frame.said.text in self._said else "the secondary has sent none that is alike"

    def due(self, frame: Waiting) -> bool:
        """Those that both sent first come out at once."""
        return self._said[:1] == [frame.said.text]

    def precedes(self, _frame: Waiting, _other: Waiting) -> bool:
        """Datagrams stay in order."""
        return False

    def differs(self) -> bool:
        """Tell whether the secondary has sent something, but nothing like the first datagram that waits."""
        return bool(self.held and self._said) and self.held[0].said.text not in self._said

    def doubtful(self) -> bool:
        """Tell whether both have sent something else first."""
        return bool(self.held and self._said) and self._said[0] != self.held[0].said.text


class Comparison:
    """What both VMs have sent, and what has come out: `answer` tells what is wrong with what came out.

    Between two answers, frames come from one VM only, or a checkpoint: else nobody knows in which order they came.
    """

    def __init__(self) -> None:
        self._streams: dict[StreamId, Stream] = {}
        self._touched: dict[Stream, None] = {}
        self._of: dict[str, tuple[Stream, Waiting]] = {}
        self._passing: list[str] = []

    def primary(self, name: str, frame: bytes) -> None:
        """The primary sends a frame."""
        said = dissect(frame)
        if (stream := self._stream(said)) is None:
            self._passing.append(name)
            return
        self._of[name] = stream, Waiting(name, said)
        stream.primary(self._of[name][1])

    def secondary(self, frame: bytes) -> None:
        """The secondary sends a frame."""
        said = dissect(frame)
        if stream := self._stream(said):
            stream.secondary(said)

    def checkpoint(self) -> None:
        """A checkpoint is done."""
        for stream in self._streams.values():
            self._touched[stream] = None
            stream.checkpoint()

    def answer(self, came: Sequence[str], *, asked: bool) -> list[str]:
        """Say what is wrong with the frames that came out since the last answer, or with asking for a checkpoint."""
        faults = [fault for name in came for fault in self.came(name)]
        faults += [f"{name} was dropped: it did not pass at once" for name in self._passing]
        faults += [fault for stream in self._touched for fault in _left_behind(stream)]
        if asked and not any(stream.may_ask for stream in self._touched):
            faults.append("a checkpoint was asked for without cause")
        for stream in self._touched:
            stream.asked |= asked and stream.may_ask
            if stream.differs() and not stream.asked:
                faults.append(f"no checkpoint was asked for, but {stream.held[0].name} differs")
            stream.rest()
        self._touched.clear()
        self._passing.clear()
        return faults

    def due(self) -> list[str]:
        """Return the frames that should have come out by now: the first to wait of each stream, if it may and must."""
        return [stream.held[0].name for stream in self._streams.values() if stream.held and stream.due(stream.held[0])]

    def _stream(self, said: Dissected) -> Stream | None:
        if said.stream is None:
            return None
        kind = TcpStream if said.segment else DatagramStream
        stream = self._streams.setdefault(said.stream, kind())
        self._touched[stream] = None
        return stream

    def came(self, name: str) -> Iterable[str]:
        """A frame comes out: say what is wrong with that."""
        if name in self._passing:
            if name != self._passing[0]:
                yield f"{name} and {self._passing[0]} came out swapped"
            self._passing.remove(name)
            return
        if name not in self._of:
            yield f"{name} came out, which the secondary sent"
            return
        stream, frame = self._of.pop(name)
        if frame not in stream.flushed and (hindrance := stream.hindrance(frame)):
            yield f"{name} came out, but {hindrance}"
        before = stream.held[: stream.held.index(frame)]
        if overtaken := [other.name for other in before if not stream.precedes(frame, other)]:
            yield f"{name} and {overtaken[0]} came out swapped"
        stream.left(frame)


def _left_behind(stream: Stream) -> Iterable[str]:
    for frame in stream.flushed:
        if frame in stream.held:
            yield f"{frame.name} was dropped: no checkpoint brought it out"
    if stream.held and stream.due(stream.held[0]):
        yield f"{stream.held[0].name} was kept back, although the secondary has said the same"


def _higher(one: int | None, other: int | None) -> int | None:
    return max((number for number in (one, other) if number is not None), default=None)


def _signed(difference: int) -> int:
    """Return a difference of sequence numbers as RFC 9293 (3.4) compares them."""
    return (difference + _CYCLE // 2) % _CYCLE - _CYCLE // 2
