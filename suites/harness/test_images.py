"""Disk images are compared byte by byte, whoever has them open."""

from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.qemu.disk import BLOCK, SIZE, ImageTool
from colo_harness.qemu.release import reference
from colo_harness.settings import Settings

LAST = SIZE // BLOCK - 1


@pytest.fixture(scope="module")
def images() -> ImageTool:
    """The reference release's qemu-img."""
    return ImageTool(reference(Settings()).argv("qemu-img"))


def test_images_are_alike_or_differ_somewhere(images: ImageTool, tmp_path: Path) -> None:
    """In content, not in how it is stored; the first differing byte is told."""
    one, other = (images.create(tmp_path / name) for name in ("one.qcow2", "other.qcow2"))
    images.write(one, LAST, b"\0" * BLOCK)
    assert images.difference(one, other) is None
    images.write(one, LAST, b"x" * BLOCK)
    assert images.difference(one, other) == LAST * BLOCK


def test_what_is_no_image_is_no_equality(images: ImageTool, tmp_path: Path) -> None:
    """An error is not taken for an answer."""
    one = images.create(tmp_path / "one.qcow2")
    with pytest.raises(MachineError, match="cannot compare"):
        images.difference(one, tmp_path / "none.qcow2")
