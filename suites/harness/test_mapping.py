"""What is seen of a process's memory from outside."""

import mmap
import os

import pytest

from colo_harness.machine.mapping import mappings

SIZE = 5 * mmap.PAGESIZE + (1 << 20)
"""Bytes of no other mapping of this process."""


@pytest.mark.parametrize("dumped", [True, False], ids=["dumped", "left-out"])
def test_a_mapping_tells_whether_a_core_file_has_it(*, dumped: bool) -> None:
    """A stretch of memory is found by its size, and what madvise(2) said of it."""
    with mmap.mmap(-1, SIZE) as memory:
        memory.madvise(mmap.MADV_DODUMP if dumped else mmap.MADV_DONTDUMP)
        assert [one.dumped for one in mappings(os.getpid()) if one.size == SIZE] == [dumped]
    assert [one for one in mappings(os.getpid()) if one.size == SIZE] == []
