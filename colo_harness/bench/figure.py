"""The figures of a bench: samples of each measure, and the document that they make."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from colo_harness.bench.work import Part

VERSION = 2
"""Of the document; 2: a sample says which pair it is of."""


@dataclass(frozen=True)
class Sample:
    """One repetition: seconds on the wall clock, whose they were, and the number of the pair that took them."""

    wall: float
    parts: Mapping[str, float]
    pair: int = 0

    @property
    def qemu(self) -> float:
        """Seconds in which QEMU worked at what was waited for."""
        return self.wall - self.harness

    @property
    def harness(self) -> float:
        """Seconds that are the harness's own."""
        return self.parts.get("harness", 0.0)


@dataclass
class Measure:
    """Something that was timed again and again; `aim` is in seconds, `share_aim` a part of one."""

    name: str
    what: str
    aim: float | None = None
    share_aim: float | None = None
    samples: list[Sample] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """The median of the samples, in seconds."""
        return median(sample.wall for sample in self.samples)

    @property
    def qemu(self) -> float:
        """The median of QEMU's own seconds."""
        return median(sample.qemu for sample in self.samples)

    @property
    def share(self) -> float:
        """The median of the harness's share."""
        return median(sample.harness / sample.wall for sample in self.samples)

    @property
    def holds(self) -> bool | None:
        """Whether its aims are met; None where it has none."""
        met = [self.wall <= self.aim] if self.aim else []
        met += [self.share <= self.share_aim] if self.share_aim else []
        return all(met) if met else None

    def part(self, part: Part) -> float:
        """The median of one part's seconds."""
        return median(sample.parts.get(part, 0.0) for sample in self.samples)

    def as_json(self) -> dict[str, Any]:
        """Return the measure with its raw samples."""
        return {
            "name": self.name,
            "what": self.what,
            "seconds": round(self.wall, 4),
            "qemu_seconds": round(self.qemu, 4),
            "harness_share": round(self.share, 4),
            "aim_seconds": self.aim,
            "aim_share": self.share_aim,
            "holds": self.holds,
            "samples": [
                {
                    "pair": one.pair,
                    "seconds": round(one.wall, 6),
                    "parts": {name: round(seconds, 6) for name, seconds in one.parts.items()},
                }
                for one in self.samples
            ],
        }


@dataclass(frozen=True)
class Speedup:
    """How much faster two processes at once did the same work: what the machine allows, and what pytest made of it.

    Seconds of the same number of scenarios.
    """

    scenarios: int
    alone: float
    side_by_side: float
    pytest_alone: float
    pytest_side_by_side: float
    aim: float = 0.9

    @property
    def limit(self) -> float:
        """What two processes without pytest gain."""
        return self.alone / self.side_by_side

    @property
    def reached(self) -> float:
        """What `-n 2` gains over `-n 0`, as a part of the limit."""
        return self.pytest_alone / self.pytest_side_by_side / self.limit

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        derived = {"limit": round(self.limit, 3), "reached": round(self.reached, 3), "holds": self.reached >= self.aim}
        return {**vars(self), **derived}


def machine() -> dict[str, Any]:
    """Describe this computer, and what else it was doing."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model[1] if model else platform.machine(),
        "processors": os.cpu_count(),
        "memory_gib": round(pages / (1 << 30), 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def document(
    about: Mapping[str, Any],
    release: str,
    accel: str,
    measures: Sequence[Measure],
    speedup: Speedup | None,
    run: str = "",
) -> dict[str, Any]:
    """Return the JSON form of a bench; `about` is what `machine` said before it began.

    Two documents of one `run` are of QEMUs that took turns: a pair of one was measured beside that of the other.
    """
    return {
        "bench": VERSION,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run,
        "machine": dict(about),
        "release": release,
        "accel": accel,
        "repetitions": max((len(measure.samples) for measure in measures), default=0),
        "measures": [measure.as_json() for measure in measures],
        "parallel": speedup.as_json() if speedup else None,
    }
