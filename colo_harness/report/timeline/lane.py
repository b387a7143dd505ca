"""A lane: what one host, session or fault did, as bars and marks on the axis of time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

Look = Literal[
    "starting",
    "running",
    "paused",
    "frozen",
    "dead",
    "primary",
    "secondary",
    "agree",
    "transfer",
    "load",
    "arming",
    "biting",
    "ok",
    "open",
    "info",
    "fail",
    "stall",
    "event",
    "failover",
    "violation",
]
"""What a bar or a mark stands for; also the order in which they are drawn and explained, the last on top."""

STATES: frozenset[Look] = frozenset({"starting", "running", "paused", "frozen", "dead"})
"""Looks of which a lane has one at any time."""

Group = Literal["events", "faults", "host", "checkpoints", "sessions"]

COLUMNS = 114
"""So many characters of a label fit side by side on the whole axis."""
BUDGET = 700
"""So many bars a timeline may have; each costs some 25 bytes of the picture."""
FINEST = 1600
"""The shortest bar, and the shortest gap between two, is this part of the axis: half a pixel on a screen."""
LONGEST_NAME = 24


@dataclass(frozen=True)
class Axis:
    """The axis of time, in seconds of the history."""

    start: float
    end: float

    @property
    def span(self) -> float:
        """How long it is."""
        return self.end - self.start

    def width(self, text: str) -> float:
        """Return the seconds that a label takes."""
        return (len(text) + 1) * self.span / COLUMNS


@dataclass(frozen=True)
class Bar:
    """Something that lasts, from `start` to `end` in seconds."""

    start: float
    end: float
    look: Look


@dataclass(frozen=True)
class Mark:
    """A word at a moment; `row` counts from the top of the lane, `flipped` puts the word before the moment."""

    at: float
    look: Look
    text: str
    row: int = 0
    flipped: bool = False


@dataclass(frozen=True)
class Lane:
    """One line of a timeline."""

    group: Group
    name: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()


def legible(text: str, longest: int = LONGEST_NAME) -> str:
    """Return `text` without what cannot be printed, and cut where it is longer than `longest`."""
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def thinned(lanes: Sequence[Lane], axis: Axis) -> tuple[Sequence[Lane], float]:
    """Return the lanes with no more bars than BUDGET, and how many seconds apart what is drawn as one may be.

    That distance doubles until the bars are few enough. A host is in one state at a time, the one that lasts longest.
    """
    apart = axis.span / FINEST
    while True:
        lanes = [replace(lane, bars=_fewer(lane, axis, apart)) for lane in lanes]
        if sum(len(lane.bars) for lane in lanes) <= BUDGET or apart >= axis.span:
            return lanes, apart
        apart *= 2


def _fewer(lane: Lane, axis: Axis, apart: float) -> tuple[Bar, ...]:
    states = [bar for bar in lane.bars if bar.look in STATES]
    others = [bar for bar in lane.bars if bar.look not in STATES]
    if any(bar.end - bar.start < apart for bar in states):
        states = _prevailing(states, axis, apart)
    return (*states, *_melted(others, apart))


def _prevailing(states: Iterable[Bar], axis: Axis, apart: float) -> list[Bar]:
    """Return, for each stretch of `apart` seconds, the state that lasts longest in it."""
    stretches: dict[int, dict[Look, float]] = defaultdict(lambda: defaultdict(float))
    for bar in states:
        for number in range(int((bar.start - axis.start) / apart), int((bar.end - axis.start) / apart) + 1):
            since = axis.start + number * apart
            stretches[number][bar.look] += min(bar.end, since + apart) - max(bar.start, since)
    longest = [(axis.start + number * apart, max(of, key=of.__getitem__)) for number, of in sorted(stretches.items())]
    return list(_melted((Bar(at, min(at + apart, axis.end), look) for at, look in longest), apart / 2))


def _melted(bars: Iterable[Bar], apart: float) -> Iterator[Bar]:
    """Yield the bars, those of one look as one where less than `apart` seconds part them; none is shorter."""
    for _, alike in groupby(sorted(bars, key=lambda bar: (bar.look, bar.start)), key=lambda bar: bar.look):
        run, *others = (replace(bar, end=max(bar.end, bar.start + apart)) for bar in alike)
        for bar in others:
            if bar.start - run.end < apart:
                run = replace(run, end=max(run.end, bar.end))
            else:
                yield run
                run = bar
        yield run
