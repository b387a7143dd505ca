"""An estate: a folder that this process holds, the mark on all that it starts, and a guardian over both.

However this process ends, what bears the mark is ended and the folder removed.
"""

import os
import tempfile
from pathlib import Path
from typing import Self

from colo_harness.machine import mark
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.holding import Holding


class Estate:
    """A context manager; by default a new folder `colo-…` in the temporary folder, where a process puts what it makes.

    While it is there, temporary files of this process and of its children go into it. They nest.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._holding = Holding(folder) if folder else Holding.fresh("colo-")
        self._before = {name: os.environ.get(name) for name in (mark.RUN, "TMPDIR")}
        os.environ[mark.RUN] = os.pathsep.join([*mark.chain(), str(self.folder)])
        os.environ["TMPDIR"] = str(self.folder)
        tempfile.tempdir = None  # it remembers the one that it found before
        self.guardian = Guardian(self.folder)
        self.guardian.add_folder(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """What all of this estate is known by."""
        return self._holding.folder

    def close(self) -> None:
        """End what is left, remove the folder, let go."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        tempfile.tempdir = None
        self.guardian.close()
        self._holding.release()


def outside() -> Path:
    """Return the folder in which this process's estate lies, or would lie."""
    folders = mark.chain()
    return Path(folders[-1]).parent if folders else Path(tempfile.gettempdir())
