"""The bench's own noise: a QEMU compared with itself, many times, on figures that are measured anew each time."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from math import comb
from pathlib import Path
from typing import Any

from colo_harness.bench.comparison import Times, repetitions
from colo_harness.bench.difference import Difference, Rule, differences
from colo_harness.bench.figure import Measure, document, machine
from colo_harness.bench.turns import Samples, in_turn
from colo_harness.colo.lab import Lab
from colo_harness.machine.progress import Progress, quiet
from colo_harness.qemu import accelerator


@dataclass
class Chance:
    """Comparisons of a QEMU with itself: the seed of each, and what it found."""

    level: float
    found: dict[int, list[Difference]] = field(default_factory=dict)
    times: dict[int, list[Times]] = field(default_factory=dict)
    """The seconds that each compared."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and each comparison by its seed."""
        each = {
            str(seed): {"differences": [one.as_json() for one in found], "times": self.times[seed]}
            for seed, found in self.found.items()
        }
        return {"level": self.level, "called": self.called, "noise": each}

    @property
    def called(self) -> dict[str, int]:
        """How many comparisons called a difference: of each measure by itself, and of any of them at the whole's level.

        Thresholds of size are left aside: they would hide what the test does.
        """
        measures = [one.measure for one in next(iter(self.found.values()), [])]
        of_each = {
            name: sum(one.p <= self.level for all_of in self.found.values() for one in all_of if one.measure == name)
            for name in measures
        }
        whole = sum(any(one.called in ("slower", "faster") for one in all_of) for all_of in self.found.values())
        return {**of_each, "any": whole}

    @property
    def told(self) -> str:
        """The counts in a line, and what chance allows."""
        low, high = bounds(len(self.found), self.level)
        counts = ", ".join(f"{name} {count}" for name, count in self.called.items())
        return f"{len(self.found)} comparisons at {self.level:g}: called {counts}; chance allows {low} to {high}"


def bounds(trials: int, level: float, sure: float = 0.98) -> tuple[int, int]:
    """Return how few and how many of so many trials chance calls at that level, outside of which it seldom is."""
    tail = (1 - sure) / 2
    chances = [comb(trials, count) * level**count * (1 - level) ** (trials - count) for count in range(trials + 1)]
    within = [count for count, below in enumerate(accumulate(chances)) if below > tail]
    return within[0], next(count for count, below in enumerate(accumulate(chances)) if below >= 1 - tail)


def ask(
    lab: Lab, seeds: Iterable[int], repeat: int, level: float, progress: Progress, *, to: Path | None = None
) -> Chance:
    """Compare the lab's QEMU with itself once for each seed, on pairs of its own; keep what is known so far in `to`."""
    chance, about = Chance(level), machine()
    for seed in seeds:
        samples = in_turn([lab, lab], lab.settings.run_dir / f"noise-{seed}", repeat, seed, quiet, losing=False)
        taken = chance.times[seed] = [times(side) for side in samples]
        chance.found[seed] = judge(*taken, level=level, seed=seed)
        progress(f"seed {seed}: " + ", ".join(f"{one.measure} p {one.p:.3f}" for one in chance.found[seed]))
        if to:
            head = document(about, lab.contract.version, accelerator.for_linux(lab.settings), [], None)
            to.write_text(json.dumps({**head, **chance.as_json()}, indent=1), encoding="utf-8")
    return chance


def judge(before: Times, after: Times, *, level: float, seed: int) -> list[Difference]:
    """Compare two samples of one QEMU, which took turns, without thresholds of size."""
    return differences(before, after, Rule(level, relative=0, absolute=0, seed=seed), paired=True)


def times(samples: Samples) -> Times:
    """Return the seconds of each measure, one for each pair."""
    return repetitions({"measures": [Measure(name, name, samples=taken).as_json() for name, taken in samples.items()]})
