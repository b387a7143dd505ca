"""Growth is told from warm-up, outliers and what always stays of a test."""

import json
import sys
from collections.abc import Callable

import pytest

from colo_harness.machine.growth import ENOUGH, MEMORY_KIB, MEMORY_KIB_EACH, RESIDENT_KIB, Resource, Sample, judge
from colo_harness.machine.process import run

TESTS = 10
"""How many different tests take turns."""
RUNS = 80

HELD = {
    "a history": """
    history = History()
    for i in range(600):
        history.record("op", "client", "read", op=i, type="ok", answer=f"record {i} of {n}")
    held.append(history)
""",
    "bytes": """
    held.append(bytes(HALF))
""",
    "what C asked for": """
    held.append(libc.malloc(HALF))
""",
}
"""What holds half a MiB more each time, in Python's blocks, in one of C's for Python, in one of C's alone."""
FREED = """
    def much():
        held.extend([bytes(1500) for _ in range(500 * n)][::1000])
    thread = threading.Thread(target=much)
    thread.start()
    thread.join()
"""
"""What holds ever more at once, in a thread, and frees all but scattered bits of it."""
PROCESS = """
import ctypes, json, threading
from colo_harness.history import History
from colo_harness.machine.growth import Meter, judge

HALF = 512 << 10
libc = ctypes.CDLL(None)
held = []
meter = Meter()
for n in range(24):
    WORK
    meter.read("work")
print(json.dumps({one.resource: [one.late - one.early, one.allowed, one.grew] for one in judge(meter.samples)}))
"""


def samples(resource: Resource, amount: Callable[[int], int], runs: int = RUNS) -> list[Sample]:
    """Return samples of a process that holds `amount(n)` after its n-th test, and always the same of the rest."""
    steady: dict[Resource, int] = {"descriptors": 30, "threads": 2, "memory": 80_000, "resident": 110_000}
    return [Sample(f"test_{n % TESTS}", {**steady, resource: amount(n)}) for n in range(runs)]


def grown(found: list[Sample]) -> list[Resource]:
    """Return what grew."""
    return [growth.resource for growth in judge(found) if growth.grew]


def measured(work: str) -> dict[str, tuple[float, float, bool]]:
    """Let a process do this again and again; return of each resource by how much it grew, how much may be, and that."""
    indented = PROCESS.replace("    WORK\n", work)
    found: dict[str, tuple[float, float, bool]] = json.loads(run([sys.executable, "-c", indented], timeout=60))
    return found


@pytest.mark.parametrize("resource", ["descriptors", "threads"])
@pytest.mark.parametrize(
    ("amount", "grows"),
    [
        (lambda _: 30, False),
        (lambda n: 10 + min(n, 15), False),
        (lambda n: 30 + 20 * (n in (25, 70, 75)), False),
        (lambda n: 30 - n // 10, False),
        (lambda n: 30 + n // TESTS, True),
    ],
    ids=["steady", "warm-up", "outliers", "falling", "one a round"],
)
def test_what_must_not_grow(resource: Resource, amount: Callable[[int], int], *, grows: bool) -> None:
    """A single descriptor or thread that one of ten tests leaves behind is found, and nothing that comes and goes."""
    assert grown(samples(resource, amount)) == [resource] * grows


@pytest.mark.parametrize(
    ("amount", "grows"),
    [
        (lambda n: 80_000 + n * MEMORY_KIB_EACH, False),
        (lambda n: 80_000 + MEMORY_KIB * (n > RUNS // 2), False),
        (lambda n: 80_000 + n * (2 * MEMORY_KIB_EACH + MEMORY_KIB // TESTS), True),
    ],
    ids=["what pytest keeps", "an arena", "a leak"],
)
def test_how_much_memory_may_grow(amount: Callable[[int], int], *, grows: bool) -> None:
    """What pytest keeps of each test, and what the allocator moves by, is no leak."""
    assert grown(samples("memory", amount)) == ["memory"] * grows


@pytest.mark.parametrize(("each", "grows"), [(RESIDENT_KIB // RUNS, False), (4 * RESIDENT_KIB // RUNS, True)])
def test_what_is_resident_has_a_bound(each: int, *, grows: bool) -> None:
    """It may grow where nothing more is in use, but not for ever."""
    assert grown(samples("resident", lambda n: 110_000 + n * each)) == ["resident"] * grows


@pytest.mark.parametrize("work", HELD.values(), ids=HELD)
def test_half_a_mebibyte_each_time_is_growth(work: str) -> None:
    """Whoever holds it, in a real process."""
    assert [resource for resource, (_, _, grew) in measured(work).items() if grew] == ["memory"]


def test_what_was_freed_is_no_growth() -> None:
    """Though the allocator keeps it, so that more is resident than may come into use."""
    found = measured(FREED)
    (_, allowed, grew), (resident, _, unbounded) = found["memory"], found["resident"]
    assert not grew, found
    assert not unbounded, found
    assert resident > allowed, found


def test_the_one_that_leaks_is_named() -> None:
    """By how much, and after how many runs."""
    (growth,) = [one for one in judge(samples("descriptors", lambda n: 30 + n // TESTS)) if one.grew]
    assert growth.blame == ("test_0: +5 in 5 runs",)


def test_too_few_samples_tell_nothing() -> None:
    """Neither growth nor its absence."""
    assert judge(samples("threads", lambda n: n, ENOUGH - 1)) == []
    assert grown(samples("threads", lambda n: n, ENOUGH)) == ["threads"]
