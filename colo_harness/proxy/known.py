"""What the reference QEMU is known to do wrong: happenings that the generated scripts leave out, each for a finding.

Leaving out exactly these, and no more, keeps everything else under test; who mends QEMU takes the rule out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from colo_harness.proxy.script import Side

_CYCLE = 1 << 32


@dataclass(frozen=True)
class Cut:
    """A segment: the places in the stream from `start` to before `end`, and whether it ends the stream."""

    start: int
    end: int
    fin: bool = False

    def covers(self, place: int) -> bool:
        """Tell whether the place is in it."""
        return self.start <= place < self.end


@dataclass
class Guest:
    """One VM's end of a TCP stream, as places in it."""

    next: int = 0
    there: int = 0
    """All before this has come to colo-compare."""
    heard: int = 0
    """So many bytes of the client it has received."""
    told: int = 0
    """So many of them it has acknowledged in a segment."""
    finished: bool = False
    waits: bool = False
    """Whether something of it may still wait to be compared, for all that can be known from outside."""
    said: list[Cut] = field(default_factory=list)

    def send(self, cuts: Sequence[Cut]) -> None:
        """Note that these segments come to colo-compare."""
        for cut in sorted(cuts, key=lambda one: one.start):
            if cut.start <= self.there:
                self.there = max(self.there, cut.end)
        if cuts:
            self.told = self.heard
            self.waits = True

    def become(self, other: "Guest") -> None:
        """Be a copy of another VM, nothing of which waits."""
        self.next, self.there, self.finished, self.said = other.next, other.next, other.finished, list(other.said)
        self.heard, self.told, self.waits = other.heard, other.told, False


class TcpTalk(Protocol):
    """What the rules look at."""

    seq: int
    ack: int
    guests: dict[Side, Guest]
    held: list[tuple[bytes, Cut]]
    compared: int
    flushed: int
    missing: set[Cut]


def tcp(talk: TcpTalk, side: Side, cuts: Sequence[Cut], kind: str) -> str:
    """Name the finding that one of these segments of a VM would run into; empty if none."""
    rules = {
        "0010-compared-once": _was_never_seen(talk, side, cuts),
        "0011-acknowledged-alone": _acknowledges_alone(talk, side, cuts),
        "0012-flags-uncompared": _finishes_alone(talk, side, cuts),
        "0013-position-ignored": _leaves_a_gap(talk, side, cuts),
        "0014-retransmission-overtakes": _overtakes(talk, side, cuts),
        "0029-number-zero": any((talk.seq + cut.end) % _CYCLE == 0 for cut in cuts if cut.end > cut.start),
        "0028-behind-the-checkpoint": kind == "repeated" and _was_flushed(talk, cuts),
    }
    return next((finding for finding, hit in rules.items() if hit), "")


def datagrams(held: Sequence[bytes], side: Side, numbers: Sequence[int]) -> str:
    """Name the finding that these datagrams of a VM would run into; empty if none."""
    return "0026-newest-first" if side == Side.PRIMARY and len(held) + len(numbers) > 1 else ""


def _acknowledges_alone(talk: TcpTalk, side: Side, cuts: Sequence[Cut]) -> bool:
    """The primary acknowledges more than the secondary, in a segment whose acknowledgement is not looked at.

    It is looked at only where a segment of the secondary waits that starts no later and ends beyond it.
    """
    if side == Side.SECONDARY:
        return False
    primary, secondary = (talk.guests[each] for each in Side)
    if primary.heard <= (secondary.told if secondary.waits else secondary.heard):
        return False
    crosses = (talk.ack + primary.heard) >> 32 != (talk.ack + secondary.told) >> 32  # finding 0025
    looked_at = [
        cut
        for cut in cuts
        if cut.start < cut.end
        and any(theirs.start <= cut.start and cut.end < theirs.end <= secondary.there for theirs in secondary.said)
    ]
    alone = not talk.held and len(cuts) == 1 and cuts[0].start == max(talk.compared, talk.flushed)
    return crosses or not alone or not looked_at


def _finishes_alone(talk: TcpTalk, side: Side, cuts: Sequence[Cut]) -> bool:
    """A VM ends the stream where the other one goes on."""
    primary, secondary = (talk.guests[each] for each in Side)
    if side == Side.SECONDARY:
        return any(cut.fin and cut.end < primary.next for cut in cuts)
    last = secondary.next - 1 if secondary.finished else None
    if any(cut.fin for cut in cuts):
        return cuts[-1].end != last
    return last is not None and not primary.finished and any(cut.end > last for cut in cuts)


def _leaves_a_gap(talk: TcpTalk, side: Side, cuts: Sequence[Cut]) -> bool:
    """A segment comes before one that stands before it in the stream, while the other VM's wait for either."""
    mine, other = talk.guests[side], talk.guests[side.other]
    filled = mine.there
    for cut in sorted(cuts, key=lambda one: one.start):
        if cut.start > filled:
            return True
        filled = max(filled, cut.end)
    in_order = list(cuts) == sorted(cuts, key=lambda one: one.start)
    return not in_order and (other.there > mine.there or (side == Side.SECONDARY and bool(talk.held)))


def _overtakes(talk: TcpTalk, side: Side, cuts: Sequence[Cut]) -> bool:
    """The primary repeats something while later bytes of it are held."""
    return side == Side.PRIMARY and any(
        held.start > cut.start for _, held in talk.held for cut in cuts if cut.start < talk.guests[side].next
    )


def _was_flushed(talk: TcpTalk, cuts: Sequence[Cut]) -> bool:
    """A VM repeats what was not compared, but brought out by a checkpoint."""
    return any(cut.start < talk.flushed and cut.end > talk.compared for cut in cuts)


def _was_never_seen(talk: TcpTalk, side: Side, cuts: Sequence[Cut]) -> bool:
    """The primary sends again what was lost at first, in front of what was compared since."""
    return side == Side.PRIMARY and any(cut in talk.missing and cut.end <= talk.compared for cut in cuts)
