"""The past: what earlier runs came to, one line of JSON for each, kept beside their results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.foreign import parse_json, read_text
from colo_harness.judge.score import VERDICTS
from colo_harness.report.runs import Run
from colo_harness.typed import typed

FOLDER = "history"
CLAIMS, TESTS = "claims.jsonl", "tests.jsonl"
"""Verdicts of claims, ours; outcomes of tests, Allure's."""
LIMIT = 10
"""So many runs are kept."""
_FORGET = "remove it: the past is then forgotten"
_SUPERFLUOUS = ("labels", "trace", "reportLinks", "url", "fullName")
"""What Allure keeps of each test in each run, and never shows."""


@dataclass(frozen=True)
class Point:
    """One run in one environment: when it began, in milliseconds since 1970, and the verdicts of its claims."""

    at: int
    environment: str
    claims: Mapping[str, str]


class Past:
    """The runs that `folder` knows."""

    def __init__(self, folder: Path) -> None:
        self._claims = folder / CLAIMS
        self._tests = folder / TESTS
        self.points = [_point(self._claims, at, line) for at, line in enumerate(_lines(self._claims), start=1)]

    def knows(self, points: Sequence[Point]) -> bool:
        """Tell whether these runs were taken in before: a report may be made of them again."""
        return {(one.at, one.environment) for one in points} <= {(one.at, one.environment) for one in self.points}

    def before(self, point: Point) -> list[Point]:
        """Return the earlier runs in the same environment, the oldest first."""
        alike = [one for one in self.points if one.environment == point.environment and one.at < point.at]
        return sorted(alike, key=lambda one: one.at)

    def add(self, points: Sequence[Point]) -> None:
        """Take runs in, and drop the oldest ones where there are more than LIMIT."""
        self._claims.parent.mkdir(parents=True, exist_ok=True)
        self.points = [*self.points, *points][-LIMIT:]
        _write(self._claims, [asdict(point) for point in self.points])

    def tests_before(self, at: int, file: Path) -> None:
        """Write what Allure keeps of the runs that began before `at` into `file`, for it to compare with."""
        _write(file, [run for run in _lines(self._tests) if _began(run) < at])

    def add_tests(self, file: Path) -> None:
        """Take in the run that Allure has added to `file`, without what it does not show: that is most of it."""
        fresh = _lines(file)[-1]
        for test in fresh["testResults"].values():
            for key in _SUPERFLUOUS:
                test.pop(key, None)
        _write(self._tests, [*_lines(self._tests), fresh][-LIMIT:])


def _point(path: Path, at: int, line: object) -> Point:
    try:
        point: Point = typed(line, Point)
    except ValueError as damage:
        raise UsageError(f"{path}:{at}: {damage}", _FORGET) from damage
    return point


def _began(run: Mapping[str, Any]) -> int:
    return min((test.get("start", 0) for test in run["testResults"].values()), default=0)


def points(named: Mapping[str, Sequence[Run]]) -> list[Point]:
    """Return what the runs came to, by environment; of claims that several tested the worst."""
    found = []
    for name, runs in named.items():
        starts = [int(result["start"]) for run in runs for _, result in run.results() if "start" in result]
        claims = [(claim["id"], claim["verdict"]) for run in runs for claim in run.verdicts.get("claims", [])]
        found.append(Point(min(starts, default=0), name, _worst(claims)))
    return found


def _worst(claims: Sequence[tuple[str, str]]) -> dict[str, str]:
    order: Sequence[str] = VERDICTS
    worst = dict(sorted(claims, key=lambda one: order.index(one[1])))
    return {name: worst[name] for name, _ in claims}


def _lines(path: Path) -> list[Any]:
    lines = read_text(path, _FORGET).split("\n") if path.exists() else []
    return [_line(path, at, line) for at, line in enumerate(lines, start=1) if line]


def _line(path: Path, at: int, line: str) -> Any:
    try:
        return parse_json(line)
    except (ValueError, RecursionError) as damage:
        raise UsageError(f"{path}:{at}: cannot be read ({damage})", _FORGET) from damage


def _write(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")
    fresh.replace(path)
