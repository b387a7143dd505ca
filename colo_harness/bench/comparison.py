"""Two files of figures, side by side: whether they can be compared at all, and what they say of each measure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

from colo_harness.bench.difference import Difference, Rule, differences
from colo_harness.bench.figure import VERSION
from colo_harness.errors import UsageError
from colo_harness.foreign import read_json

SAME = ("processor", "processors", "memory_gib", "kernel")
"""What of a machine decides how long things take there."""
_AGAIN = "time both QEMUs in one go on one machine: `colo bench --qemu A --beside B`"
Times = Mapping[str, Sequence[float]]


class Version(TypedDict):
    """What says that it is a document of figures."""

    bench: int


class OfSample(TypedDict):
    """What must be told of a sample."""

    pair: int
    seconds: float


class OfMeasure(TypedDict):
    """What must be told of a measure."""

    name: str
    samples: list[OfSample]


class Document(Version):
    """What must be told to be compared."""

    run: str
    machine: dict[str, object]
    accel: str
    measures: list[OfMeasure]


def read(path: Path) -> dict[str, Any]:
    """Return the document in a file that `colo bench` wrote. Raises UsageError for any other."""
    remedy = "name what `colo bench` left: bench.json"
    version = read_json(path, Version, remedy)["bench"]
    if version != VERSION:
        raise UsageError(
            f"{path} is of version {version} of the figures, this is {VERSION}", "time that QEMU anew: `colo bench`"
        )
    return dict(read_json(path, Document, remedy))


def compare(before: Path, after: Path, rule: Rule) -> list[Difference]:
    """Judge each measure of two files. Raises UsageError where they cannot be compared."""
    one, other = read(before), read(after)
    if one["accel"] != other["accel"]:
        raise UsageError(
            f"{before} was measured under {one['accel']}, {after} under {other['accel']}",
            f"time both with the same --accel: `colo bench --accel {one['accel']}`",
        )
    for what in SAME:
        here, there = (document["machine"].get(what) for document in (one, other))
        if here != there:
            raise UsageError(f"the machines differ: {what} {here} in {before}, {there} in {after}", _AGAIN)
    mine, others = repetitions(one), repetitions(other)
    if lacking := mine.keys() ^ others.keys():
        raise UsageError(
            f"only one of {before} and {after} has measured {', '.join(sorted(lacking))}",
            f"{_AGAIN}, or both with the same options",
        )
    return differences(mine, others, rule, paired=bool(one["run"]) and one["run"] == other["run"])


def repetitions(document: Mapping[str, Any]) -> Times:
    """Return the seconds of each measure, one for each pair or run: what it measured several times is its median.

    What one pair did again and again is alike for that pair's own reasons, and no evidence of its own.
    """
    return {measure["name"]: _of_each_pair(measure["samples"]) for measure in document["measures"]}


def _of_each_pair(samples: Sequence[Mapping[str, Any]]) -> list[float]:
    by_pair: dict[int, list[float]] = {}
    for sample in samples:
        by_pair.setdefault(sample["pair"], []).append(sample["seconds"])
    return [median(seconds) for seconds in by_pair.values()]
