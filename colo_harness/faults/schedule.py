"""Schedules: turns that were drawn from a seed, or written down; each is a trouble, at a moment, under a load."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count, islice
from random import Random
from typing import TypeVar

from colo_harness.errors import UsageError
from colo_harness.faults.cut import Cut
from colo_harness.faults.impaired import BadLink
from colo_harness.faults.load import LOADS, PINGS, UPLOADS, Load
from colo_harness.faults.loss import Quit
from colo_harness.faults.moments import IN_RESYNC, MOMENTS, STARTS, Held, Moment
from colo_harness.faults.trouble import TROUBLES, Trouble
from colo_harness.qemu.topology import Channel, Role

Named = TypeVar("Named", Trouble, Moment, Load)

_FORM = "write it as seed=7:12, or as kill-primary@idle+nothing, with a comma before each other turn"


RESUMES: tuple[Moment, ...] = (IN_RESYNC, *STARTS)
"""Moments of a resume: the trouble comes before it, and at the moment the new secondary is lost as well."""


@dataclass(frozen=True)
class Turn:
    """One trouble, at a moment, under a load; its text is how it is written down."""

    trouble: Trouble
    moment: Moment
    load: Load

    def __str__(self) -> str:
        return f"{self.trouble}@{self.moment}+{self.load}"


@dataclass(frozen=True)
class Palette:
    """What turns are made of."""

    troubles: Sequence[Trouble] = TROUBLES
    moments: Sequence[Moment] = (*MOMENTS, *RESUMES)
    loads: Sequence[Load] = LOADS


EVERYTHING = Palette()


def why_not(turn: Turn) -> str:
    """Say why no schedule has this turn: the finding that it would run into, or why there is no such turn; else "".

    Leaving out exactly these, and no more, keeps everything else under test; who mends QEMU takes the rule out.
    What cannot be told from the turn alone is kept apart in colo_harness/faults/journey.py.
    """
    stands, fault = isinstance(turn.moment, Held), turn.trouble.fault
    rules = {
        "0021-half-a-frame-of-indev": fault == Cut(Channel.MIRROR) and not stands,
        "0045-rest-of-a-frame": fault == Cut(Channel.COMPARE) and not stands,
        "0078-quit-hangs": fault == Quit(Role.PRIMARY) and not stands,
        "0006-acknowledged-upload-lost": turn.trouble.survivor is Role.SECONDARY and turn.load is UPLOADS,
        "a guest that stands still writes nothing, by which a cut of NBD would show": stands
        and fault == Cut(Channel.NBD),
        "nobody resumes who never failed over": turn.moment in RESUMES and turn.trouble.survivor is None,
        "a ping shows what the network has spoilt": turn.load in PINGS
        and isinstance(fault, BadLink)
        and fault.bad.corrupt > 0,
    }
    return next((reason for reason, hit in rules.items() if hit), "")


def draw(seed: int, palette: Palette = EVERYTHING) -> Iterator[Turn]:
    """Yield turns for ever, the same ones for the same seed and palette; each kind of fault comes as often as any."""
    dice = Random(seed)  # noqa: S311 - to be drawn again, not to be secret
    kinds: dict[type[object], list[Trouble]] = {}
    for trouble in palette.troubles:
        kinds.setdefault(type(trouble.fault), []).append(trouble)
    while True:
        trouble = dice.choice(dice.choice([*kinds.values()]))
        turns = (Turn(trouble, dice.choice(palette.moments), dice.choice(palette.loads)) for _ in count())
        yield next(turn for turn in turns if not why_not(turn))


@dataclass(frozen=True)
class Schedule:
    """Turns to take, one after the other: those that are `written`, or those of a seed.

    Of a seed, at least `least` turns, and more for as long as `seconds` are not over.
    """

    seed: int = 0
    least: int = 0
    seconds: float = 0
    written: tuple[Turn, ...] = ()

    def turns(self) -> Iterator[Turn]:
        """Yield each turn when it is time for it."""
        yield from self.written
        if not self.written:
            until = time.monotonic() + self.seconds
            for number, turn in enumerate(draw(self.seed)):
                if number >= self.least and time.monotonic() >= until:
                    break
                yield turn

    def told(self, turns: int) -> str:
        """Return the first so many turns as `read` takes them."""
        return ",".join(map(str, self.written[:turns])) if self.written else f"seed={self.seed}:{turns}"

    @classmethod
    def read(cls, text: str) -> "Schedule":
        """Return what a text tells, which is never longer than that. Raises UsageError."""
        if not text.startswith("seed="):
            written = tuple(_read_turn(part.strip()) for part in text.split(","))
            return cls(least=len(written), written=written)
        seed, _, turns = text.removeprefix("seed=").partition(":")
        if not (seed.isdecimal() and turns.isdecimal() and int(turns)):
            raise UsageError(f"{text!r} is no schedule", _FORM)
        return cls(seed=int(seed), least=int(turns))

    def prefix(self) -> list[Turn]:
        """Return the turns that are certainly taken."""
        return list(islice(self.written or draw(self.seed), self.least))


def _read_turn(text: str) -> Turn:
    trouble, at, rest = text.partition("@")
    moment, plus, load = rest.partition("+")
    if not (at and plus):
        raise UsageError(f"{text!r} is no turn of a schedule", _FORM)
    return Turn(
        _named(trouble, EVERYTHING.troubles), _named(moment, EVERYTHING.moments), _named(load, EVERYTHING.loads)
    )


def _named(name: str, known: Sequence[Named]) -> Named:
    names = [str(one) for one in known]
    if name not in names:
        near = "".join(f"; is it {one!r}?" for one in get_close_matches(name, names, 1))
        raise UsageError(f"no turn has {name!r}{near}", f"there are {', '.join(names)}")
    return known[names.index(name)]
