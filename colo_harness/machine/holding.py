"""A holding: a folder with a lock in it that tells whether its owner lives; the kernel drops it, even on SIGKILL."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".owner"
"""The file in a holding that its owner keeps locked; a folder without it is no holding."""


class Holding:
    """A folder of ours, locked until `release` or the end of this process.

    Raises BlockingIOError when somebody else holds it, FileNotFoundError when it was removed meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = _locked(folder, os.O_CREAT)

    @classmethod
    def fresh(cls, prefix: str, place: Path | None = None) -> "Holding":
        """Make a new folder of mode 0700 in `place`, by default the temporary folder."""
        while True:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            try:
                return cls(folder)
            except (BlockingIOError, FileNotFoundError):  # taken for an abandoned one before it was locked
                shutil.rmtree(folder, ignore_errors=True)

    def release(self) -> None:
        """Let go of the folder, which stays if it is still there."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextmanager
def scratch(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """Yield a new folder, and remove it with all that is in it."""
    holding = Holding.fresh(prefix, place)
    try:
        yield holding.folder
    finally:
        shutil.rmtree(holding.folder, ignore_errors=True)
        holding.release()


def is_abandoned(folder: Path) -> bool:
    """Say whether this is a holding whose owner is gone."""
    try:
        os.close(_locked(folder))
    except OSError:
        return False
    return True


def remove_abandoned(folder: Path) -> None:
    """Remove a holding unless somebody holds it."""
    try:
        lock = _locked(folder)
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _locked(folder: Path, flags: int = 0) -> int:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(descriptor).st_nlink:
            raise FileNotFoundError(folder)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
