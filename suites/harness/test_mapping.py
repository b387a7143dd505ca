"""What is seen of a process's memory from outside."""

import mmap
import os
from collections import Counter

import pytest

from colo_harness.machine.mapping import mappings

SIZE = 5 * mmap.PAGESIZE + (1 << 20)
"""Bytes that few mappings have."""


@pytest.mark.parametrize("dumped", [True, False], ids=["dumped", "left-out"])
def test_a_mapping_tells_whether_a_core_file_has_it(*, dumped: bool) -> None:
    """A stretch of memory is found by its size, and what madvise(2) said of it."""
    before = Counter(mappings(os.getpid()))
    with mmap.mmap(-1, SIZE) as memory:
        memory.madvise(mmap.MADV_DODUMP if dumped else mmap.MADV_DONTDUMP)
        new = Counter(mappings(os.getpid())) - before
    assert [one.dumped for one in new.elements() if one.size == SIZE] == [dumped]
    assert [one for one in mappings(os.getpid()) if one.size == SIZE] == []
