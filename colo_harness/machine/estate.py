"""An estate: a folder that this process holds, the mark on all that it starts, and a guardian over both.

However this process ends, what bears the mark is ended and the folder removed.
"""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Self

from colo_harness.errors import MachineError
from colo_harness.machine import mark, rights
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.holding import Holding


class Estate:
    """A context manager; by default a new folder `colo-…` in the temporary folder, where a process puts what it makes.

    While it is there, temporary files of this process and of its children go into it. They nest. Who is not root has
    the rights of a user namespace from then on, for which there may be no other thread yet. Raises MachineError.
    """

    def __init__(self, folder: Path | None = None) -> None:
        rights.acquire()  # before the guardian, which has to see what we see
        self.folder = folder or Path(tempfile.gettempdir(), f"colo-{secrets.token_hex(4)}")
        """What all of this estate is known by."""
        self._before = {name: os.environ.get(name) for name in (mark.RUN, "TMPDIR")}
        os.environ[mark.RUN] = os.pathsep.join([*mark.chain(), str(self.folder)])
        os.environ["TMPDIR"] = str(self.folder)
        tempfile.tempdir = None  # it remembers the one that it found before
        self.guardian = Guardian(self.folder)
        self.guardian.add_folder(self.folder)  # before it is there: we may be killed at any moment
        try:
            if not folder:
                self.folder.mkdir(mode=0o700)
            self._holding = _held(self.folder)
        except OSError as refusal:
            self._restore()
            self.guardian.close()
            raise MachineError(
                f"there is no place for temporary files: {refusal}", "choose another folder with TMPDIR"
            ) from refusal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is left, remove the folder, let go."""
        self._restore()
        self.guardian.close()
        self._holding.release()

    def _restore(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        tempfile.tempdir = None


def _held(folder: Path) -> Holding:
    try:
        return Holding(folder)
    except (BlockingIOError, FileNotFoundError):  # taken for an abandoned one before it was locked
        folder.mkdir(mode=0o700, exist_ok=True)
        return Holding(folder)


def outside() -> Path:
    """Return the folder in which this process's estate lies, or would lie."""
    folders = mark.chain()
    return Path(folders[-1]).parent if folders else Path(tempfile.gettempdir())
