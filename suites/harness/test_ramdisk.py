"""A RAM disk: a tmpfs that other processes reach, of a size, that nothing on the machine remembers."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine import ramdisk
from colo_harness.machine.process import run
from colo_harness.machine.ramdisk import RamDisk

LIMIT = 10.0


@pytest.fixture
def room() -> Iterator[Path]:
    """A RAM disk of 1 MiB."""
    disk = RamDisk(1)
    assert disk.path
    yield disk.path
    disk.close()
    disk.close()
    assert disk.path is None


def test_others_find_what_is_in_it(room: Path) -> None:
    """By its path; it is a tmpfs, and no mount of the machine."""
    (room / "it").write_text("here", encoding="utf-8")
    assert run(["cat", room / "it"], timeout=LIMIT) == "here"
    assert run(["stat", "-f", "-c", "%T", room / "it"], timeout=LIMIT).strip() == "tmpfs"
    assert str(room) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_it_is_as_large_as_asked_for(room: Path) -> None:
    """A MiB and no more."""
    with pytest.raises(OSError, match="No space left") as full:
        (room / "it").write_bytes(bytes(2 << 20))
    assert full.value.errno == errno.ENOSPC


def test_one_of_no_size_is_none() -> None:
    """So a pair need not ask."""
    disk = RamDisk(0)
    disk.close()
    assert disk.path is None


def test_a_kernel_without_the_calls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way out."""
    monkeypatch.setattr(ramdisk, "_FSOPEN", 99999)
    with pytest.raises(MachineError, match=r"no tmpfs can be made: Function not implemented"):
        RamDisk(1)
