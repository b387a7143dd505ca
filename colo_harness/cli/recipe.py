"""A recipe: what Avocado is given to run, a runnable for each area, release and shard."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from colo_harness.qemu.release import REFERENCE

COLO = Path(sys.executable).with_name("colo")
FAREWELL = 60
"""Seconds that a part has to end in good order once its time is over, before it is killed."""


@dataclass(frozen=True)
class Part:
    """One of `count` parts of the tests of an area, on one release."""

    area: str
    release: str
    shard: int
    count: int

    def __str__(self) -> str:
        return f"{self.area}-{self.release}-{self.shard}-of-{self.count}"


def parts(areas: Iterable[str], releases: Iterable[str], count: int) -> Iterator[Part]:
    """Yield what a run consists of: shards of the same tests in a row."""
    for area, release, shard in product(areas, releases, range(1, count + 1)):
        yield Part(area, release, shard, count)


def runnable(part: Part, place: Path, minutes: int, options: Sequence[str], arguments: Sequence[str]) -> dict[str, Any]:
    """Return what Avocado reads of a part; what that leaves goes below `place`.

    `options` are of both `colo run` and `colo setup`, `arguments` of pytest. The part is interrupted after `minutes`:
    Avocado has a limit for all of a job's parts alike only.
    """
    judged = ["run", f"--release={part.release}", f"--shard={part.shard}/{part.count}", *options, "--no-live"]
    judged += ["--no-report", f"--results-dir={place / str(part)}", "--", f"suites/{part.area}", *arguments]
    return {
        "kind": "exec-test",
        "uri": "timeout",
        "args": ["--signal=INT", f"--kill-after={FAREWELL}", str(minutes * 60), str(COLO), *judged],
        "identifier": str(part),
        "kwargs": {
            "tags": {"area": [part.area], "release": [part.release], "shard": [f"{part.shard}/{part.count}"]},
            "dependencies": [_made_ready(part.release, options)],
        },
    }


def _made_ready(release: str, options: Sequence[str]) -> dict[str, Any]:
    """Return what comes before: once on a machine, as long as it is the same for several parts."""
    other = [] if release == REFERENCE else [f"--release={release}"]
    cache = [option for option in options if option.startswith("--cache-dir=")]
    name = f"setup-{release}"
    return {"type": "exec-test", "name": name, "uri": str(COLO), "args": ["setup", *other, *cache]}
