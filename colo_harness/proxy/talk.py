"""Talks: both VMs' ends of one flow, which turn happenings into frames and leave out what a finding is about."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from colo_harness.proxy import known
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.known import Cut, Guest
from colo_harness.proxy.script import (
    Acknowledge,
    Again,
    Differ,
    Double,
    Finish,
    Follow,
    Happening,
    Hear,
    Lose,
    Say,
    Side,
    Swap,
)

_IDENT = {Side.PRIMARY: 1, Side.SECONDARY: 2}
_WINDOW = {Side.PRIMARY: 8192, Side.SECONDARY: 4096}


@dataclass
class TcpTalk:
    """What both VMs say to one client; sequence and acknowledgement numbers start at `seq` and `ack`."""

    flow: Flow
    seq: int
    ack: int
    rng: Random
    tally: Counter[str]
    text: bytearray = field(default_factory=bytearray)
    different: set[int] = field(default_factory=set)
    guests: dict[Side, Guest] = field(default_factory=lambda: {side: Guest() for side in Side})
    held: list[tuple[bytes, Cut]] = field(default_factory=list)
    compared: int = 0
    """Up to here the primary's segments came out because the secondary had said the same."""
    flushed: int = 0
    """Up to here a checkpoint brought them out."""
    missing: set[Cut] = field(default_factory=set)
    """What the primary has sent and colo-compare never got."""

    def frames(self, what: Happening) -> list[bytes]:
        """Return the frames that a happening makes."""
        match what:
            case Hear(side, _, size):
                self.guests[side].heard += size
            case Differ(_, ahead):
                self.different.add(self.guests[Side.SECONDARY].next + ahead)
            case Again(side, _, back) if said := self.guests[side].said:
                return self._send(side, [said[-1 - back % len(said)]], "repeated")
            case Acknowledge(side, _):
                return self._send(side, [Cut(self.guests[side].next, self.guests[side].next)], "acknowledged")
            case Finish(side, _):
                return self._finish(side)
            case _:
                return self._frames_of_new(what)
        return []

    def _frames_of_new(self, what: Happening) -> list[bytes]:
        match what:
            case Say(side, _, sizes):
                return self._say(side, sizes)
            case Swap(side, _, sizes):
                return self._say(side, sizes, kind="swapped", order=lambda cuts: cuts[::-1])
            case Double(side, _, size):
                return self._say(side, (size,), kind="doubled", order=lambda cuts: [*cuts, *cuts])
            case Lose(side, _, size):
                return self._say(side, (size,), kind="lost", order=lambda _cuts: [])
            case Follow(side, _) if (lag := self._lag(side)) > 0:
                return self._say(side, (lag,))
        return []

    def settled(self, came: Sequence[bytes], *, checkpoint: bool) -> None:
        """Take in what came out."""
        for frame in came:
            if cut := next((cut for raw, cut in self.held if raw == frame), None):
                self.held.remove((frame, cut))
                self.compared = max(self.compared, cut.end if cut.start < cut.end and not checkpoint else 0)
        if checkpoint:
            self._become_alike()
        else:
            secondary = self.guests[Side.SECONDARY]
            secondary.waits &= not self.held or self._at_odds

    @property
    def _at_odds(self) -> bool:
        """Whether the two may have said different things, or acknowledged."""
        primary, secondary = (self.guests[side] for side in Side)
        return bool(self.different) or primary.heard > secondary.told

    def _become_alike(self) -> None:
        primary, secondary = (self.guests[side] for side in Side)
        self.flushed = primary.there = primary.next
        self.different.clear()
        secondary.become(primary)

    def _say(
        self,
        side: Side,
        sizes: Sequence[int],
        *,
        kind: str = "said",
        order: Callable[[list[Cut]], list[Cut]] = list,
    ) -> list[bytes]:
        guest = self.guests[side]
        if guest.finished:
            return []
        cuts, end = [], guest.next
        for size in sizes:
            cuts.append(Cut(end, end + size))
            end += size
        frames = self._send(side, order(cuts), kind)
        if frames or kind == "lost":
            guest.next = end
            guest.said += cuts
        if kind == "lost":
            self.tally[f"{kind} {side}"] += 1
            self.missing |= set(cuts) if side == Side.PRIMARY else set()
        return frames

    def _lag(self, side: Side) -> int:
        other = self.guests[side.other]
        return other.next - other.finished - self.guests[side].next

    def _finish(self, side: Side) -> list[bytes]:
        guest = self.guests[side]
        if guest.finished:
            return []
        end = guest.next + max(0, self._lag(side))
        frames = self._send(side, [Cut(guest.next, end, fin=True)], "finished")
        if frames:
            guest.finished = True
            guest.next = guest.there = end + 1
        return frames

    def _send(self, side: Side, cuts: Sequence[Cut], kind: str) -> list[bytes]:
        """Return the frames of these cuts, none if a finding is about one of them."""
        if finding := known.tcp(self, side, cuts, kind):
            self.tally[f"left out: {finding}"] += 1
            return []
        if cuts:
            self.tally[f"{kind} {side}"] += 1
            self._count(side, cuts)
        frames = [self._frame(side, cut) for cut in cuts]
        self.guests[side].send(cuts)
        if side == Side.PRIMARY:
            self.held += zip(frames, cuts, strict=True)
            self.missing -= set(cuts)
        return frames

    def _count(self, side: Side, cuts: Sequence[Cut]) -> None:
        mine, other = self.guests[side], self.guests[side.other]
        for cut in cuts:
            self.tally["cut elsewhere"] += any(theirs.start < cut.end < theirs.end for theirs in other.said)
            self.tally["numbers wrapped"] += (self.seq + cut.start) >> 32 != (self.seq + cut.end) >> 32
            self.tally["byte differs"] += side == Side.SECONDARY and any(map(cut.covers, self.different))
        self.tally[f"{side} behind"] += mine.next < other.next
        self.tally["acknowledged ahead"] += side == Side.PRIMARY and mine.heard > other.told

    def _frame(self, side: Side, cut: Cut) -> bytes:
        self.text += self.rng.randbytes(max(0, cut.end - len(self.text)))
        places = range(cut.start, cut.end)
        flip = {place for place in self.different if side == Side.SECONDARY}
        payload = bytes(self.text[place] ^ (0xFF if place in flip else 0) for place in places)
        return self.flow.changed(ident=_IDENT[side]).tcp(
            payload,
            seq=self.seq + cut.start,
            ack=self.ack + self.guests[side].heard,
            flags="FA" if cut.fin else "A",
            window=_WINDOW[side],
        )


@dataclass
class DatagramTalk:
    """Numbered datagrams of both VMs; `make` makes a frame of a text, and `plain` tells that the IP header counts."""

    kind: str
    flow: Flow
    make: Callable[[Flow, bytes], bytes]
    tally: Counter[str]
    plain: bool = True
    number: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    different: set[int] = field(default_factory=set)
    held: list[bytes] = field(default_factory=list)

    def frames(self, what: Happening) -> list[bytes]:
        """Return the frames that a happening makes."""
        match what:
            case Say(side, _, sizes):
                return self._send(side, [self._next(side) for _ in sizes])
            case Swap(side, _, _):
                return self._send(side, [self._next(side) for _ in range(2)][::-1], "swapped")
            case Double(side, _, _):
                return self._send(side, [self._next(side)] * 2, "doubled")
            case Lose(side, _, _):
                self._next(side)
                self.tally[f"lost {side}"] += 1
            case Again(side, _, back) if self.number[side]:
                return self._send(side, [max(1, self.number[side] - back)], "repeated")
            case Follow(side, _) if self.number[side] < self.number[side.other]:
                return self._send(side, [self._next(side)])
            case Differ(_, ahead):
                self.different.add(self.number[Side.SECONDARY] + 1 + ahead)
        return []

    def settled(self, came: Sequence[bytes], *, checkpoint: bool) -> None:
        """Take in what came out."""
        self.held = [frame for frame in self.held if frame not in came]
        if checkpoint:
            self.number[Side.SECONDARY] = self.number[Side.PRIMARY]
            self.different.clear()

    def _next(self, side: Side) -> int:
        self.number[side] += 1
        return self.number[side]

    def _send(self, side: Side, numbers: Sequence[int], kind: str = "said") -> list[bytes]:
        if finding := known.datagrams(self.held, side, numbers):
            self.tally[f"left out: {finding}"] += 1
            return []
        self.tally[f"{kind} {side}"] += 1
        self.tally[self.kind] += 1
        self.tally["byte differs"] += side == Side.SECONDARY and not self.different.isdisjoint(numbers)
        frames = [self._frame(side, number) for number in numbers]
        if side == Side.PRIMARY:
            self.held += frames
        return frames

    def _frame(self, side: Side, number: int) -> bytes:
        word = b"other" if side == Side.SECONDARY and number in self.different else b"alike"
        flow = self.flow.changed(ident=_IDENT[side]) if self.plain else self.flow
        return self.make(flow, b"%d %s" % (number, word))
