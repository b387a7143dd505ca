"""Two QEMUs that take turns, so that whatever else the machine does falls on both alike."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from colo_harness.bench import scenario
from colo_harness.bench.figure import Sample
from colo_harness.colo.lab import Lab
from colo_harness.machine.progress import Progress

Samples = dict[str, list[Sample]]


def in_turn(
    labs: Sequence[Lab], folder: Path, repeat: int, seed: int, progress: Progress, *, losing: bool = True
) -> list[Samples]:
    """Drive `repeat` pairs of each lab, one pair at a time, and return the samples of each lab by measure.

    In each round every lab has its turn, in an order that is drawn from `seed`. Raises ProductFailure, HarnessError.
    """
    folder.mkdir()
    found: list[Samples] = [{} for _ in labs]
    for number, whose in _order(len(labs), repeat, seed):
        progress(f"round {number} of {repeat}, QEMU {'AB'[whose]}")
        taken = scenario.measure(labs[whose], folder / f"{number}-{whose}", number, losing)
        for name, samples in taken.items():
            found[whose].setdefault(name, []).extend(samples)
    return found


def _order(labs: int, repeat: int, seed: int) -> Iterator[tuple[int, int]]:
    random = Random(seed)  # noqa: S311 - an order that can be had again
    for number in range(1, repeat + 1):
        for whose in random.sample(range(labs), labs):
            yield number, whose
