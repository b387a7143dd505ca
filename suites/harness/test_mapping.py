"""What is seen of a process's memory from outside."""

import mmap
import os
from collections.abc import Iterator

import pytest

from colo_harness.machine.mapping import mappings

SIZE = 1 << 30
"""Bytes that nothing else in this process has, mapped and never touched."""
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    """Return a stretch that was mapped on its own."""
    with mmap.mmap(-1, SIZE, flags=PRIVATE) as memory:
        yield memory


def large() -> list[bool]:
    """Return, of each stretch that is at least so large, whether core files have it."""
    return [one.dumped for one in mappings(os.getpid()) for _ in range(one.size // SIZE)]


@pytest.mark.parametrize("dumped", [True, False], ids=["dumped", "left-out"])
def test_a_mapping_tells_whether_a_core_file_has_it(memory: mmap.mmap, *, dumped: bool) -> None:
    """A stretch of memory is found by its size, and what madvise(2) said of it."""
    memory.madvise(mmap.MADV_DODUMP if dumped else mmap.MADV_DONTDUMP)
    assert large() == [dumped]


def test_what_is_unmapped_is_found_no_more() -> None:
    """Afterwards nothing of that size is there."""
    mmap.mmap(-1, SIZE, flags=PRIVATE).close()
    assert large() == []


@pytest.mark.usefixtures("memory")
def test_what_the_kernel_joins_is_counted_on() -> None:
    """A neighbour of the same kind makes one stretch of two, and both are there."""
    with mmap.mmap(-1, SIZE, flags=PRIVATE):
        assert large() == [True, True]


@pytest.mark.parametrize(
    "given",
    [{"flags": mmap.MAP_SHARED | mmap.MAP_ANONYMOUS}, {"flags": PRIVATE, "prot": mmap.PROT_READ}],
    ids=["shared", "read-only"],
)
def test_other_memory_is_left_out(given: dict[str, int]) -> None:
    """What is shared, or cannot be written, is no guest's memory."""
    with mmap.mmap(-1, SIZE, **given):
        assert large() == []
