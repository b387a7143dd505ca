"""A program that was started somewhere, on this machine or on another one, and what can be asked of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shlex import join
from signal import SIGTERM
from typing import Self

STILL = "Tt"
"""States of a thread that a signal or a tracer has stopped (proc(5))."""


class Program(ABC):
    """The leader of a process group, whose id is `pid`; its output is in `out_path` and `err_path`.

    Each must be ended with `kill`, or by leaving the context, also when it has ended by itself.
    """

    def __init__(self, argv: Sequence[str | Path], *, name: str, log_dir: Path) -> None:
        self.name = name
        self.argv = [str(argument) for argument in argv]
        self.out_path = log_dir / f"{name}.out"
        self.err_path = log_dir / f"{name}.err"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def __repr__(self) -> str:
        return f"<{self.name} pid {self.pid}>"

    @property
    def alive(self) -> bool:
        """Whether the leader has not ended; a stopped one is alive."""
        return self.poll() is None

    @property
    def stopped(self) -> bool:
        """Whether all that is left of the group stands still; so it does where nothing is left."""
        return all(state in STILL for state in self.states())

    @property
    def command(self) -> str:
        """The command as a line to paste into a shell."""
        return join(self.argv)

    def stderr(self) -> str:
        """Return what the group has written to stderr so far."""
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def stdout(self) -> str:
        """Return what the group has written to stdout so far."""
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    def terminate(self, timeout: float) -> int:
        """Ask the group to end with SIGTERM; return the leader's exit status. Raises WaitTimeout."""
        with suppress(ProcessLookupError):
            self.signal(SIGTERM)
        return self.wait(timeout)

    @property
    @abstractmethod
    def pid(self) -> int:
        """The leader's process id, which is the group's id too."""

    @abstractmethod
    def states(self) -> list[str]:
        """Return the state, a letter of proc(5), of each of the group's living processes."""

    @abstractmethod
    def poll(self) -> int | None:
        """Return the leader's exit status, -N for signal N, or None while it lives."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send a signal to every process of the group. Raises ProcessLookupError when all of it has ended."""

    @abstractmethod
    def wait(self, timeout: float) -> int:
        """Return the leader's exit status within `timeout` seconds. Raises WaitTimeout."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL the whole group, also what outlived its leader, and reap; fine when all is dead already.

        Raises MachineError when a process outlives SIGKILL.
        """

    @abstractmethod
    def where_it_hangs(self) -> str:
        """Return a line for each thread of the group: pid/tid, comm, state, kernel function, system call."""
