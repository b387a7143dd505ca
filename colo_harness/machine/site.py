"""A site: where one side of a pair runs, be it a namespace of this machine or another machine (colo_harness/remote)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import Process, run
from colo_harness.machine.program import Program

T = TypeVar("T")
SHORT = 30.0
"""Seconds that a short command may take."""


@dataclass(frozen=True)
class Clock:
    """How far a site's CLOCK_REALTIME is ahead of this machine's, and by how much that may be wrong, in seconds."""

    ahead: float = 0.0
    uncertain: float = 0.0


class Site(Protocol):
    """What a pair asks of the machine that a side of it runs on. A file has the same path there as here."""

    @property
    def clock(self) -> Clock:
        """How its stamps are to be read."""

    def start(self, argv: Sequence[str | Path], *, name: str, log_dir: Path, guardian: Guardian) -> Program:
        """Start a program there, as `Process` does here; its output can be read here. Raises MachineError."""

    def run(self, *argv: str) -> str:
        """Run a short command there and return its output. Raises MachineError."""

    def employ(self, work: Callable[..., T], **arguments: Any) -> T:
        """Return what `work` makes of the namespace there. Raises MachineError.

        What its module imports, and what those of ours import in turn, is the standard library's alone.
        """

    def reaches(self, path: Path) -> bool:
        """Say whether a program there listens on this unix socket; whoever dials the path here is then connected."""

    def pour(self, path: Path) -> None:
        """Let what is written there into the FIFO at this path come out of the one here."""

    def bring(self, *paths: Path) -> None:
        """Let files and folders that nobody changes, those of the cache, be there. Raises MachineError."""

    def hand_over(self, folder: Path) -> None:
        """Let this folder, with all that lies in it here, be there, and there alone. Raises MachineError."""

    def has(self, path: Path) -> bool:
        """Say whether there is such a file."""

    def move(self, old: Path, new: Path) -> None:
        """Rename a file."""

    def fetch(self, path: Path) -> Path:
        """Let a file of the site be readable here as it is now; return its path."""

    def fence(self) -> None:
        """Take the machine's power, where there is a way to. All programs of the pair there were killed before."""


class Here:
    """A namespace of this machine, or this machine itself."""

    clock = Clock()

    def __init__(self, namespace: Namespace | None = None) -> None:
        self._namespace = namespace

    def start(self, argv: Sequence[str | Path], *, name: str, log_dir: Path, guardian: Guardian) -> Program:
        """Start it inside. Raises MachineError."""
        return Process(argv, name=name, log_dir=log_dir, guardian=guardian, namespace=self._namespace)

    def run(self, *argv: str) -> str:
        """Run it inside. Raises MachineError."""
        return run(argv, namespace=self._namespace, timeout=SHORT)

    def employ(self, work: Callable[..., T], **arguments: Any) -> T:
        """Let it be made here."""
        return work(self._namespace, **arguments)

    def reaches(self, path: Path) -> bool:
        """Say whether the socket is there."""
        return path.exists()

    def pour(self, path: Path) -> None:
        """Nothing is to be done: there is here."""

    def bring(self, *paths: Path) -> None:
        """Nothing is to be done."""

    def hand_over(self, folder: Path) -> None:
        """Nothing is to be done."""

    def has(self, path: Path) -> bool:
        """Say whether there is such a file."""
        return path.exists()

    def move(self, old: Path, new: Path) -> None:
        """Rename a file."""
        old.rename(new)

    def fetch(self, path: Path) -> Path:
        """Nothing is to be done."""
        return path

    def fence(self) -> None:
        """Nothing is to be done: with its programs all of the host is gone."""
