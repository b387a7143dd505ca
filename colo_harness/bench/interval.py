"""How sure a figure is: the bootstrap interval of a mean ratio."""

from collections.abc import Sequence
from dataclasses import dataclass


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

    The interval is the percentiles of 9,999 resamples of the pairs (B. Efron, Bootstrap methods, 1979).
    """
    from colo_harness.bench import resampling  # noqa: PLC0415 - numpy, which a collection has no time for

    return Interval(*resampling.paired_ratio(values, bases, seed, confidence))


def ratio(values: Sequence[float], bases: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """As `paired_ratio`, of two samples that have nothing in common: each is resampled by itself."""
    from colo_harness.bench import resampling  # noqa: PLC0415 - as above

    return Interval(*resampling.ratio(values, bases, seed, confidence))
