"""A sheet of figures: what one kind of measurement took, each time it was taken; kept as JSON that can be compared."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from colo_harness.bench.figure import Measure, Sample, document, machine
from colo_harness.history import History


@dataclass
class Sheet:
    """Measures by name, such as "lock-step, down"; each time is also told to the history, for a checker."""

    name: str
    history: History
    seed: int
    about: Mapping[str, Any] = field(default_factory=machine)
    measures: dict[str, Measure] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)
    """What was made of them, such as ratios."""

    def take(self, measure: str, repetition: int, seconds: float, **parts: float) -> None:
        """Note what was measured in this repetition, and how it divides."""
        one = self.measures.setdefault(measure, Measure(measure, measure))
        one.samples.append(Sample(seconds, parts, repetition))
        told = {"measure": measure, "repetition": repetition, "seconds": round(seconds, 6)}
        self.history.append("phase", "bench", "measured", {**told, "parts": {k: round(v, 6) for k, v in parts.items()}})

    def seconds(self, measure: str) -> list[float]:
        """Return the seconds of a measure, in the order of repetitions, the median of each."""
        by_repetition: dict[int, list[float]] = {}
        for sample in self.measures[measure].samples:
            by_repetition.setdefault(sample.pair, []).append(sample.wall)
        return [median(by_repetition[number]) for number in sorted(by_repetition)]

    def all_seconds(self, measure: str) -> list[float]:
        """Return each sample's seconds."""
        return [sample.wall for sample in self.measures[measure].samples]

    def parts(self, measure: str) -> dict[str, float]:
        """Return the median of each part of a measure."""
        samples = self.measures[measure].samples
        return {name: median(sample.parts[name] for sample in samples) for name in samples[0].parts}

    def save(self, folder: Path, release: str, accel: str) -> Path:
        """Write the figures, machine and all, and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        told = document(self.about, release, accel, list(self.measures.values()), None)
        told = {"kind": self.name, "seed": self.seed, **told, "derived": self.derived}
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return path


def percentile(values: list[float], part: int) -> float:
    """Return the value below which `part` per cent lie; of a few values, the largest comes close to the 99th."""
    return quantiles(values, n=100, method="inclusive")[part - 1] if len(values) > 1 else values[0]
