"""Remains: what is left of runs that were ended together with their guardians, as by a power cut.

Nobody's pid, and nobody's age, is taken for a sign of death: a folder is nobody's when the lock in it is free, and a
process is nobody's when the run that started it has no folder any more, or one that is nobody's. Only what belongs to
this user is looked at.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from colo_harness.machine import mark
from colo_harness.machine.guardian import PATIENCE, await_exit, kill_bearer
from colo_harness.machine.holding import LOCK, is_abandoned, remove_abandoned

RUNS = re.compile(r"colo-[a-z0-9_]{8}")
"""Names of the folders of runs, as `tempfile` makes them."""
HALF_MADE = ("new-*", ".*~*", "*/new-*", "*/.*~*")
"""Where the cache has what is being made."""


@dataclass(frozen=True)
class Remain:
    """Something that nobody holds: what it is, and how to remove it."""

    what: str
    remove: Callable[[], object]


def processes(*places: Path) -> Iterator[Remain]:
    """Find processes whose run is gone, and had its folder somewhere below one of `places`."""
    for pid in mark.everybody():
        folders = mark.borne(pid) if _is_mine(Path(f"/proc/{pid}")) else None
        if not folders or not any(Path(folders[-1]).is_relative_to(place) for place in places):
            continue
        if _is_gone(Path(f"/proc/{pid}/root{folders[-1]}")):  # a container has folders of its own
            what = f"process {pid} of {folders[-1]}, which is gone: {mark.command(pid)}"
            yield Remain(what, partial(_end, pid, Path(folders[-1])))


def folders(place: Path) -> Iterator[Remain]:
    """Find folders of runs in the temporary folder `place`."""
    for folder in _sorted(place.glob("colo-*")):
        if RUNS.fullmatch(folder.name) and _is_mine(folder) and is_abandoned(folder):
            yield Remain(f"folder {folder} of a run that is gone", partial(remove_abandoned, folder))


def half_made(cache: Path) -> Iterator[Remain]:
    """Find what was being fetched or built, and the locks of what was never made."""
    for pattern in HALF_MADE:
        for folder in _sorted(cache.glob(pattern)):
            if folder.is_dir() and _is_mine(folder) and not _is_held(folder):
                yield Remain(f"half-made {folder.relative_to(cache)} in the cache", partial(_discard, folder))
    for lock in _sorted(cache.glob("*/[!.]*.lock")):
        made = (path for path in lock.parent.glob(f"{lock.stem}*") if path != lock)
        if _is_mine(lock) and not any(made) and _is_free(lock):
            yield Remain(f"lock {lock.relative_to(cache)} of nothing in the cache", partial(_unlock, lock))


def _end(pid: int, folder: Path) -> None:
    kill_bearer(pid, folder)
    try:
        await_exit(pid, PATIENCE)
    except ProcessLookupError:
        return


def _discard(folder: Path) -> None:
    """Remove what is half-made: whoever has just begun to make it notices, and begins anew."""
    if (folder / LOCK).exists():
        remove_abandoned(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _unlock(path: Path) -> None:
    """Remove a lock while holding it: whoever waits for it notices that it has no name any more."""
    try:
        with FileLock(path, timeout=0):
            path.unlink()
    except Timeout:
        return


def _is_free(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


def _is_held(folder: Path) -> bool:
    return (folder / LOCK).exists() and not is_abandoned(folder)


def _is_gone(folder: Path) -> bool:
    try:
        return not folder.exists() or is_abandoned(folder)
    except OSError:  # not to be seen
        return False


def _is_mine(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths)
