"""Exploring: scripts that nobody thought of are played until one is not answered as documented; that one is shrunk."""

import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import cast

import hypothesis
from hypothesis import HealthCheck, Phase, strategies

from colo_harness.errors import HarnessError, ProductFailure, WaitTimeout
from colo_harness.history import History
from colo_harness.judge.documented import as_documented
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.player import FLOWS, PASSING, Player, Stage
from colo_harness.proxy.script import (
    Acknowledge,
    Again,
    Checkpoint,
    Differ,
    Double,
    Finish,
    Follow,
    Happening,
    Hear,
    Lose,
    Pass,
    Say,
    Script,
    Side,
    Swap,
)

SCENES, SCENE = 6, 14
"""At most so many scenes in a script, and happenings in a scene."""
SCRIPTS = 250
"""In a round, which has a seed of its own."""


class Undocumented(Exception):
    """A script was not answered as documented."""


class Unplayable(BaseException):
    """A script could not be played to its end; of no kind that hypothesis would take for a reason to play on."""


Making = Callable[[int, Side, int, int], Happening]
_MAKING: tuple[Making, ...] = (
    lambda flow, side, one, _: Say(side, flow, (one,)),
    lambda flow, side, one, _: Say(side, flow, (one,)),
    lambda flow, side, one, two: Say(side, flow, (one, two)),
    lambda flow, side, one, two: Swap(side, flow, (one, two)),
    lambda flow, side, one, _: Double(side, flow, one),
    lambda flow, side, one, _: Lose(side, flow, one),
    lambda flow, side, one, _: Again(side, flow, one - 1),
    lambda flow, side, _one, _two: Follow(side, flow),
    lambda flow, side, _one, _two: Follow(side, flow),
    lambda flow, side, one, _: Hear(side, flow, one),
    lambda flow, _side, one, _: Hear(Side.PRIMARY, flow, one),
    lambda flow, _side, one, two: Say(Side.SECONDARY, flow, (one + two,)),
    lambda flow, side, _one, _two: Acknowledge(side, flow),
    lambda flow, side, _one, _two: Finish(side, flow),
    lambda flow, side, _one, _two: Finish(side, flow),
    lambda flow, _side, one, _: Differ(flow, one - 1),
    lambda _flow, side, one, _: Pass(side, sorted(PASSING)[one % len(PASSING)]),
    lambda _flow, _side, _one, _two: Checkpoint(),
)
"""A happening of a flow, a side and two numbers from 1 to 12; simple ones first, to which failing scripts shrink."""


def scripts() -> strategies.SearchStrategy[list[Happening]]:
    """Return a strategy for scripts: some scenes, each of happenings on one flow."""
    number = strategies.integers(1, 12)
    happening = strategies.tuples(strategies.sampled_from(_MAKING), strategies.sampled_from(Side), number, number)
    scene = strategies.tuples(strategies.integers(0, FLOWS - 1), strategies.lists(happening, max_size=SCENE))
    return strategies.lists(scene, min_size=1, max_size=SCENES).map(
        lambda scenes: [
            make(flow, side, one, two) for flow, happenings in scenes for make, side, one, two in happenings
        ]
    )


_SCRIPTS = scripts()


class OnBench:
    """A stage that is a colo-compare on a bench."""

    def __init__(self, compare: Compare) -> None:
        self._compare = compare
        self._seen = 0
        self.primary, self.secondary = compare.primary, compare.secondary
        self.settle, self.checkpoint = compare.settle, compare.checkpoint

    def released(self) -> list[bytes]:
        """Return the frames that came out since the last call."""
        since, self._seen = self._seen, len(self._compare.out.came)
        return [packet.frame for packet in self._compare.out.came[since:]]


class Explorer:
    """Plays scripts, each on a stage that `anew` returns, until one is not answered as documented.

    The history keeps what was in it before, and the last script: the shortest one that is not, if there is such a one.
    """

    def __init__(self, anew: Callable[[], Stage], history: History) -> None:
        self._anew = anew
        self._history = history
        self._mark = history.mark()
        self._numbers = count()
        self._tally: Counter[str] = Counter()

    def explore(self, seed: int, *, rounds: int, seconds: float = 0) -> None:
        """Play rounds of scripts: at least so many, and for at least so long, as long as all is well.

        A round has the seed of the run and its number; so its scripts are those of the first round of a run with that
        seed.
        """
        until = time.monotonic() + seconds
        for number in count(seed):
            if number >= seed + rounds and time.monotonic() >= until:
                break
            if failing := self._round(number):
                self._tell(failing, number)
                break
        self._history.record("observe", "explorer", "tally", value=dict(sorted(self._tally.items())))

    def _round(self, seed: int) -> Script:
        """Return the shortest script of a round that is not answered as documented; empty if there is none."""
        failing: list[Script] = []

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=SCRIPTS,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @hypothesis.given(_SCRIPTS)
        def play(script: Script) -> None:
            self._history.forget(self._mark)
            failing.append(script)
            try:
                Player(self._anew(), self._tally, next(self._numbers)).play(script)
            except (ProductFailure, HarnessError, WaitTimeout) as trouble:
                raise Unplayable from trouble
            if as_documented(self._history.entries).valid != "valid":
                raise Undocumented
            failing.pop()

        try:
            play()
        except Undocumented:
            return failing[-1]
        except Unplayable as broken:
            self._tell(failing[-1], seed)
            raise cast("Exception", broken.__cause__) from None
        return []

    def _tell(self, script: Script, seed: int) -> None:
        told = [repr(happening) for happening in script]
        self._history.record("observe", "explorer", "script", value=told, seed=seed)
        print("not answered as documented:", *told, sep="\n    ")  # noqa: T201 - pytest shows it where the test fails
        print(f"found again by --seed={seed}")  # noqa: T201 - as above
