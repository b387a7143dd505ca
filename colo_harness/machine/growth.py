"""Growth: whether this process holds ever more memory, descriptors or threads while it repeats its work."""

import ctypes
import gc
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import ClassVar, Literal

Resource = Literal["descriptors", "threads", "memory", "resident"]
RESOURCES: tuple[Resource, ...] = Resource.__args__  # type: ignore[attr-defined]  # what the report lists, in order

ENOUGH = 8
"""Samples without which nothing is said: two in each quarter."""
MEMORY_KIB = 4096
"""By so much memory in use may differ whatever was done: the first failure loads what prints it, 3.3 MiB."""
MEMORY_KIB_EACH = 64
"""So much more may stay of each piece of work: pytest and Allure keep some 20 KiB of every test until the end."""
RESIDENT_KIB = 256 << 10
"""By so much what is resident may differ: allocators hold what was freed, as much as was ever in use at once."""
BLOCK = 90
"""Bytes of one of Python's small blocks in the mean (40.5 MiB in 475,904 after a test); 512 at most."""

_ALLOWED_KIB: Mapping[Resource, int] = {"memory": MEMORY_KIB, "resident": RESIDENT_KIB}
_MALLINFO = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    """What mallinfo2(3) returns, of all threads' arenas together."""

    _fields_: ClassVar = [(name, ctypes.c_size_t) for name in _MALLINFO.split()]


@dataclass(frozen=True)
class Sample:
    """What this process held after a piece of work (in KiB, if memory), and what of it had not been there before.

    "memory" is what is in use; "resident" has all that is anonymous, what allocators hold free and mappings included.
    """

    after: str
    amounts: Mapping[Resource, int]
    opened: Sequence[str] = ()
    started: Sequence[str] = ()


@dataclass(frozen=True)
class Growth:
    """What was held of one resource in an early and in a late stretch; where that `grew`, after what."""

    resource: Resource
    early: float
    late: float
    allowed: float
    blame: tuple[str, ...] = ()

    @property
    def grew(self) -> bool:
        """Whether it is more than may be."""
        return self.late - self.early > self.allowed

    def __str__(self) -> str:
        if self.resource in _ALLOWED_KIB:
            return f"{self.resource} {self.early / 1024:.1f} -> {self.late / 1024:.1f} MiB"
        return f"{self.resource} {self.early:g} -> {self.late:g}"


class Meter:
    """Takes a sample of this process after each piece of work."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._open = _descriptors()
        self._threads = _threads()

    def read(self, after: str) -> None:
        """Take a sample; what is only garbage does not count."""
        gc.collect()
        if not self.samples:
            gc.freeze()  # what the first piece of work left stays: looking at it each time takes a tenth of a second
        descriptors, threads = _descriptors(), _threads()
        amounts: dict[Resource, int] = {
            "descriptors": len(descriptors),
            "threads": len(list(Path("/proc/self/task").iterdir())),
            "memory": _in_use_kib(),
            "resident": _resident_kib(),
        }
        opened = [name for number, name in descriptors.items() if self._open.get(number) != name]
        started = [name for ident, name in threads.items() if ident not in self._threads]
        self.samples.append(Sample(after, amounts, opened, started))
        self._open, self._threads = descriptors, threads


def judge(samples: Sequence[Sample]) -> list[Growth]:
    """Say of each resource whether it grew; of too few samples, nothing.

    The first quarter is warm-up: caches fill, modules load. The medians of the second and of the last quarter are
    compared, which single outliers do not move. Descriptors and threads must not grow at all; memory is judged by
    what is in use, since an allocator keeps what was freed, and of what is resident only a bound is asked.
    """
    quarter = len(samples) // 4
    if len(samples) < ENOUGH:
        return []
    return [_judge(samples, resource, quarter) for resource in RESOURCES]


def _judge(samples: Sequence[Sample], resource: Resource, quarter: int) -> Growth:
    held = [sample.amounts[resource] for sample in samples]
    early, late = median(held[quarter : 2 * quarter]), median(held[-quarter:])
    between = len(samples) - 2 * quarter
    allowed = _ALLOWED_KIB[resource] + MEMORY_KIB_EACH * between if resource in _ALLOWED_KIB else 0
    found = Growth(resource, early, late, allowed)
    return replace(found, blame=_blame(samples[quarter:], resource)) if found.grew else found


def _blame(samples: Sequence[Sample], resource: Resource) -> tuple[str, ...]:
    """Name after what most came to be held, what it was, and how much."""
    gained: Counter[str] = Counter()
    runs: Counter[str] = Counter(sample.after for sample in samples[1:])
    examples: dict[str, str] = {}
    for before, sample in pairwise(samples):
        gained[sample.after] += sample.amounts[resource] - before.amounts[resource]
        new = {"descriptors": sample.opened, "threads": sample.started}.get(resource, ())
        examples.update((sample.after, name) for name in new)
    most = gained.most_common(1)[0][1]
    unit = " KiB" if resource in _ALLOWED_KIB else ""
    return tuple(
        f"{after}: +{amount}{unit} in {runs[after]} runs"
        + (f", such as {examples[after]}" if after in examples else "")
        for after, amount in gained.most_common(3)
        if amount > most / 4
    )


def _descriptors() -> dict[int, str]:
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists the folder is closed by now
            found[int(link.name)] = str(link.readlink())
    return found


def _threads() -> dict[int, str]:
    return {thread.native_id or 0: thread.name for thread in threading.enumerate()}


def _in_use_kib() -> int:
    """Return what Python and C have asked for and not given back; mappings of their own are not in it."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _Mallinfo
    malloc = ask()
    return int(malloc.uordblks + malloc.hblkhd + sys.getallocatedblocks() * BLOCK) >> 10


def _resident_kib() -> int:
    """Return the anonymous resident memory: what files are mapped comes and goes with other processes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status tells no RssAnon")
