"""Whether two samples of times differ: a permutation test, with thresholds for what is worth telling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import geometric_mean
from typing import Any, Literal

from colo_harness.bench.interval import Interval, paired_ratio, ratio

Sides = tuple[Sequence[float], Sequence[float]]
Called = Literal["slower", "faster", "not called", "undecided"]


@dataclass(frozen=True)
class Rule:
    """When a difference is called one: it is unlikely by chance, and large, in seconds and as a part, too."""

    level: float = 0.05
    """So often a comparison of a build with itself may call one."""
    relative: float = 0.1
    absolute: float = 0.002
    seed: int = 1
    """Of the permutations."""


@dataclass(frozen=True)
class Difference:
    """One measure of two builds, A and B: typical seconds, their ratio, how likely that is by chance, and our word."""

    measure: str
    before: float
    after: float
    change: Interval
    p: float
    called: Called

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        told = {"measure": self.measure, "called": self.called, "p": round(self.p, 6)}
        return {**told, "a": round(self.before, 6), "b": round(self.after, 6), "b_over_a": self.change.as_json()}


def p_value(before: Sequence[float], after: Sequence[float], seed: int) -> float:
    """Return how often chance alone parts the pooled times as far as they are, two-sided.

    The distance is that of the mean logarithms, so that one slow run counts for little. The observed arrangement is
    one of those counted, so that no p is too small (B. Phipson, G. K. Smyth, 2010).
    """
    from colo_harness.bench import resampling  # noqa: PLC0415 - numpy, which a collection has no time for

    return resampling.p_value(before, after, seed)


def paired_p_value(before: Sequence[float], after: Sequence[float], seed: int) -> float:
    """As `p_value`, of rounds in which both were measured, one after the other: chance swaps the two of a round.

    What a round was like, busy or quiet, is left out of it.
    """
    from colo_harness.bench import resampling  # noqa: PLC0415 - as above

    return resampling.paired_p_value(before, after, seed)


def differences(
    before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]], rule: Rule, *, paired: bool = False
) -> list[Difference]:
    """Judge each measure of two builds; seconds of independent repetitions by measure, or of rounds where `paired`.

    The level is that of the whole: a measure's own is divided by how many are left (S. Holm, 1979).
    """
    test = paired_p_value if paired else p_value
    chances = {name: test(before[name], after[name], rule.seed) for name in before}
    levels, unlikely = {}, True
    for place, name in enumerate(sorted(chances, key=chances.__getitem__)):
        levels[name] = rule.level / (len(chances) - place)
        unlikely = unlikely and chances[name] <= levels[name]
        levels[name] = levels[name] if unlikely else 0.0
    enough = rule.level / len(chances) if chances else 0.0
    found = []
    for name in before:
        sides = before[name], after[name]
        arrangements = 2 ** len(sides[0]) if paired else comb(len(sides[0]) + len(sides[1]), len(sides[0]))
        change = (paired_ratio if paired else ratio)(sides[1], sides[0], seed=rule.seed)
        decided = 2 / arrangements <= enough
        found.append(_judged(name, sides, change, chances[name], rule, level=levels[name], decided=decided))
    return found


def _judged(
    name: str, sides: Sides, change: Interval, p: float, rule: Rule, *, level: float, decided: bool
) -> Difference:
    typical = [geometric_mean(sample) for sample in sides]
    large = abs(typical[1] - typical[0]) >= rule.absolute and not 1 / (1 + rule.relative) < change.ratio < (
        1 + rule.relative
    )
    called: Called = "not called"
    if not decided:
        called = "undecided"
    elif p <= level and large:
        called = "slower" if change.ratio > 1 else "faster"
    return Difference(name, typical[0], typical[1], change, p, called)
