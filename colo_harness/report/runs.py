"""Runs: what is read of results folders that a report is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from colo_harness.errors import UsageError
from colo_harness.foreign import read_json
from colo_harness.judge.score import Verdict
from colo_harness.report.results import FOLDER, read_environment

TELL_APART = ("QEMU", "QEMU executable", "accelerator of Linux guests", "guest image", "host kernel")
"""What two runs must have in common to be parts of one."""
_VERDICTS = "claims.json"
_AGAIN = "it was cut off or changed: remove it, or run that part again"


class OfClaim(TypedDict):
    """What must be told of a claim."""

    id: str
    area: str
    verdict: Verdict
    seconds: float
    reason: str


class OfTest(TypedDict):
    """What must be told of a test."""

    id: str
    claims: list[str]
    verdict: Verdict
    seconds: float
    reason: str


class Verdicts(TypedDict, total=False):
    """What a run's verdicts may hold."""

    claims: list[OfClaim]
    tests: list[OfTest]
    skipped: dict[str, int]
    broken: list[str]


class Label(TypedDict):
    """What Allure sorts results by."""

    name: str
    value: str


class Result(TypedDict, total=False):
    """What of a raw result we look at."""

    labels: list[Label]
    start: int


@dataclass(frozen=True)
class Run:
    """One results folder: its raw results, the environment that it told, its verdicts where it has left any."""

    place: Path
    raw: Path
    environment: Mapping[str, str]
    verdicts: Mapping[str, Any]

    @classmethod
    def of(cls, place: Path) -> "Run":
        """Read a results folder, or the raw results in one. Raises UsageError."""
        place = place.absolute()
        raw = place if place.name == FOLDER else place / FOLDER
        if not place.is_dir():
            raise UsageError(f"{place}: no such folder", "name the --results-dir of a run")
        if not any([*raw.glob("*-result.json"), *raw.glob("*-globals.json")]):
            raise UsageError(f"{place} holds no results", "run the suite first, or name the --results-dir of a run")
        return cls(place, raw, read_environment(raw), _read(raw.parent / _VERDICTS, Verdicts))

    @property
    def told(self) -> str:
        """Name its QEMU and accelerator, or its folder where no QEMU was asked."""
        qemu = self.environment.get("QEMU", "").partition(" (")[0]
        accel = self.environment.get("accelerator of Linux guests", "").partition(" ")[0]
        return f"QEMU {qemu}, {accel}" if qemu else self.place.name

    def results(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each raw result with its file. Raises UsageError for one that cannot be read."""
        for path in sorted(self.raw.glob("*-result.json")):
            yield path, _read(path, Result)


def environments(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Return the runs by the environment that they were made in, each under a name of its own."""
    alike: dict[tuple[str | None, ...], list[Run]] = {}
    for run in runs:
        alike.setdefault(tuple(run.environment.get(key) for key in TELL_APART), []).append(run)
    named: dict[str, list[Run]] = {}
    for group in alike.values():
        name = group[0].told
        named[name if name not in named else f"{name} ({group[0].place.name})"] = group
    return named


def _read(path: Path, hint: type) -> dict[str, Any]:
    """Read what may be missing, as verdicts are of a run that was killed."""
    return dict(read_json(path, hint, _AGAIN)) if path.exists() else {}
