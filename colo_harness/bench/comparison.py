"""Two files of figures, side by side: whether they can be compared at all, and what they say of each measure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from colo_harness.bench.difference import Difference, Rule, differences
from colo_harness.bench.figure import VERSION
from colo_harness.errors import UsageError

SAME = ("processor", "processors", "memory_gib", "kernel")
"""What of a machine decides how long things take there."""
_AGAIN = "time both QEMUs in one go on one machine: `colo bench --qemu A --beside B`"
Times = Mapping[str, Sequence[float]]


def read(path: Path) -> dict[str, Any]:
    """Return the document in a file that `colo bench` wrote. Raises UsageError for any other."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document["bench"]
    except OSError as trouble:
        raise UsageError(f"{path} cannot be read: {trouble.strerror}", "name a bench.json that is there") from trouble
    except (ValueError, KeyError, TypeError) as oddity:
        raise UsageError(f"{path} has no figures of a bench", "name what `colo bench` left: bench.json") from oddity
    if version != VERSION:
        raise UsageError(
            f"{path} is of version {version} of the figures, this is {VERSION}", "time that QEMU anew: `colo bench`"
        )
    return dict(document)


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
