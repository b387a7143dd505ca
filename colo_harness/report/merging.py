"""Merging: what several runs in one environment, shards or repetitions, came to together."""

from collections.abc import Mapping, Sequence
from typing import Any

from colo_harness.judge.score import VERDICTS
from colo_harness.report.runs import Run

Claim = Mapping[str, Any]


def claims(runs: Sequence[Run]) -> list[Claim]:
    """Return each claim once, with the worst of its verdicts, the time of all its tests, and all that failed."""
    parts: dict[str, list[Claim]] = {}
    for run in runs:
        for claim in run.verdicts.get("claims", []):
            parts.setdefault(claim["id"], []).append(claim)
    return [_one(of_claim) for of_claim in parts.values()]


def _one(parts: Sequence[Claim]) -> Claim:
    worst = max(parts, key=lambda part: VERDICTS.index(part["verdict"]))
    seconds = sum(part["seconds"] for part in parts)
    tests = sum(part.get("tests", 0) for part in parts)
    failed = [test for part in parts for test in part.get("failed_tests", [])]
    return {**worst, "seconds": seconds, "tests": tests, "failed_tests": failed}


def missing(runs: Sequence[Run]) -> list[str]:
    """Name the shards that are not among the runs: what they would have judged is not in the report."""
    shards = {tuple(run.verdicts["shard"]) for run in runs if run.verdicts.get("shard")}
    counts = sorted({count for _, count in shards})
    return [
        f"shard {number}/{count} is missing: its tests are not in this report"
        for count in counts
        for number in range(1, count + 1)
        if (number, count) not in shards
    ]
