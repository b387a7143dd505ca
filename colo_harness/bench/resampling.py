"""What chance alone makes of samples: resamples and permutations, by numpy; whoever imports this imports numpy."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 9999
PERMUTATIONS = 9999
Ratio = tuple[float, float, float]
"""A ratio, and between which values it lies."""


def paired_ratio(values: Sequence[float], bases: Sequence[float], seed: int, confidence: float) -> Ratio:
    """Return the geometric mean of the pairs' ratios, and the percentiles of resamples of the pairs."""
    logs = np.log(np.asarray(values)) - np.log(np.asarray(bases))
    return _between(float(logs.mean()), _resampled(logs, np.random.default_rng(seed)), confidence)


def ratio(values: Sequence[float], bases: Sequence[float], seed: int, confidence: float) -> Ratio:
    """Return the ratio of the geometric means, and the percentiles where each side is resampled by itself."""
    random = np.random.default_rng(seed)
    means = [_resampled(np.log(np.asarray(sample)), random) for sample in (values, bases)]
    centre = float(np.mean(np.log(values)) - np.mean(np.log(bases)))
    return _between(centre, means[0] - means[1], confidence)


def p_value(before: Sequence[float], after: Sequence[float], seed: int) -> float:
    """Return how often a shuffle of the pool parts the mean logarithms as far as they are."""
    pooled = np.log(np.concatenate([np.asarray(before), np.asarray(after)]))
    random = np.random.default_rng(seed)
    shuffled = random.permuted(np.tile(pooled, (PERMUTATIONS, 1)), axis=1)
    observed = _distance(pooled[None, :], len(before))[0]
    as_far = _distance(shuffled, len(before)) >= observed * (1 - 1e-9)
    return float((1 + as_far.sum()) / (1 + PERMUTATIONS))


def paired_p_value(before: Sequence[float], after: Sequence[float], seed: int) -> float:
    """Return how often they are as far apart where chance swaps the two of a round."""
    apart = np.log(np.asarray(before)) - np.log(np.asarray(after))
    signs = np.random.default_rng(seed).choice((-1, 1), size=(PERMUTATIONS, len(apart)))
    as_far = np.abs((signs * apart).mean(axis=1)) >= abs(apart.mean()) * (1 - 1e-9)
    return float((1 + as_far.sum()) / (1 + PERMUTATIONS))


def _resampled(sample: np.ndarray, random: np.random.Generator) -> np.ndarray:
    means: np.ndarray = random.choice(sample, size=(RESAMPLES, len(sample))).mean(axis=1)
    return means


def _between(centre: float, means: np.ndarray, confidence: float) -> Ratio:
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, (tail, 100 - tail))
    return float(np.exp(centre)), float(np.exp(low)), float(np.exp(high))


def _distance(arranged: np.ndarray, first: int) -> np.ndarray:
    distance: np.ndarray = np.abs(arranged[:, :first].mean(axis=1) - arranged[:, first:].mean(axis=1))
    return distance
