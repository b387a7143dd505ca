"""Growth is told from warm-up, outliers and what always stays of a test."""

from collections.abc import Callable

import pytest

from colo_harness.machine.growth import ENOUGH, MEMORY_KIB, MEMORY_KIB_EACH, Resource, Sample, judge

TESTS = 10
"""How many different tests take turns."""
RUNS = 80


def samples(resource: Resource, amount: Callable[[int], int], runs: int = RUNS) -> list[Sample]:
    """Return samples of a process that holds `amount(n)` after its n-th test, and always the same of the rest."""
    steady: dict[Resource, int] = {"descriptors": 30, "threads": 2, "memory": 80_000}
    return [Sample(f"test_{n % TESTS}", {**steady, resource: amount(n)}) for n in range(runs)]


def grown(found: list[Sample]) -> list[Resource]:
    """Return what grew."""
    return [growth.resource for growth in judge(found) if growth.grew]


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


def test_the_one_that_leaks_is_named() -> None:
    """By how much, and after how many runs."""
    (growth,) = [one for one in judge(samples("descriptors", lambda n: 30 + n // TESTS)) if one.grew]
    assert growth.blame == ("test_0: +5 in 5 runs",)


def test_too_few_samples_tell_nothing() -> None:
    """Neither growth nor its absence."""
    assert judge(samples("threads", lambda n: n, ENOUGH - 1)) == []
    assert grown(samples("threads", lambda n: n, ENOUGH)) == ["threads"]
