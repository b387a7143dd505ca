"""Guests' images and saved states that are damaged in the cache are noticed and made anew."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.errors import CacheError, GuestFailure
from colo_harness.machine.manifest import sha256
from colo_harness.qemu import guest, warm
from colo_harness.qemu.topology import Topology
from colo_harness.settings import Settings


def flip(path: Path) -> None:
    """Change a byte in place; size and time stay."""
    times = path.stat()
    whole = bytearray(path.read_bytes())
    whole[100] ^= 1
    path.write_bytes(whole)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def cut(path: Path) -> None:
    """Lose the second half."""
    os.truncate(path, path.stat().st_size // 2)


def cut_manifest(path: Path) -> None:
    """Lose the second half of what says how the image was."""
    cut(path.with_name(guest.MANIFEST))


@pytest.mark.parametrize(
    ("damage", "thorough"),
    [(flip, True), (cut, False), (Path.unlink, False), (cut_manifest, False)],
    ids=["flip", "cut", "gone", "manifest"],
)
def test_a_damaged_image_is_built_anew(damage: Callable[[Path], None], thorough: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column
    """What set-up verifies by content, each use does by size and time."""
    settings = Settings(cache_dir=tmp_path)
    sound = guest.tick(settings).read_bytes()
    damage(guest.tick(settings))
    assert guest.tick(settings, thorough=thorough).read_bytes() == sound


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink], ids=lambda damage: damage.__name__)
def test_a_damaged_state_is_saved_anew(damage: Callable[[Path], None], lab: Lab, tmp_path: Path) -> None:
    """It is no guest's failure; and a sound one is taken as it is."""
    topology = Topology(guest="tick", accel="tcg")
    states = replace(lab.states, folder=tmp_path, _verified=set())
    path = states.path(topology, lab.guest(topology))
    born = path.stat().st_mtime_ns
    assert replace(states, _verified=set()).path(topology, lab.guest(topology)).stat().st_mtime_ns == born
    damage(path)
    again = replace(states, _verified=set()).path(topology, lab.guest(topology))
    assert again.stat().st_mtime_ns != born
    assert sha256(again) == (again.parent / "sha256").read_text()


def test_a_state_for_which_there_is_no_room_is_the_machines_fault(tmp_path: Path) -> None:
    """Any other is QEMU's."""
    full = {"status": "failed", "error-desc": "Unable to write to file: No space left on device"}
    with pytest.raises(CacheError, match=r"No space left.*\n.*--cache-dir"):
        warm._is_saved(full, tmp_path)  # noqa: SLF001 - to fill a disk just then takes more than a test
    with pytest.raises(GuestFailure, match="cannot save"):
        warm._is_saved({"status": "failed"}, tmp_path)  # noqa: SLF001 - as above
