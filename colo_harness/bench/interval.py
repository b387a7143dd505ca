"""How sure a figure is: the bootstrap interval of a mean ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """A ratio, and between which values it lies with the confidence that was asked for."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.3g} ({self.low:.3g} to {self.high:.3g})"

    def as_json(self) -> dict[str, float]:
        """Return the three numbers."""
        return {name: round(value, 6) for name, value in vars(self).items()}


def paired_ratio(values: Sequence[float], bases: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the geometric mean of `values` over `bases`, which were measured together, one by one.

    The interval is the percentiles of RESAMPLES resamples of the pairs (B. Efron, Bootstrap methods, 1979).
    """
    return _bootstrapped(np.log(np.asarray(values)) - np.log(np.asarray(bases)), seed, confidence)


def ratio(values: Sequence[float], bases: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """As `paired_ratio`, of two samples that have nothing in common: each is resampled by itself."""
    random = np.random.default_rng(seed)
    means = [_resampled(np.log(np.asarray(sample)), random) for sample in (values, bases)]
    centre = float(np.mean(np.log(values)) - np.mean(np.log(bases)))
    return _between(centre, means[0] - means[1], confidence)


def _bootstrapped(logs: np.ndarray, seed: int, confidence: float) -> Interval:
    return _between(float(logs.mean()), _resampled(logs, np.random.default_rng(seed)), confidence)


def _resampled(sample: np.ndarray, random: np.random.Generator) -> np.ndarray:
    means: np.ndarray = random.choice(sample, size=(RESAMPLES, len(sample))).mean(axis=1)
    return means


def _between(centre: float, means: np.ndarray, confidence: float) -> Interval:
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, (tail, 100 - tail))
    return Interval(*(float(np.exp(one)) for one in (centre, low, high)))
