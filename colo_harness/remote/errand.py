"""An errand: a program that runs on a real host."""

from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGKILL
from typing import Any

from colo_harness.errors import WaitTimeout
from colo_harness.machine.program import Program
from colo_harness.remote.link import REACH, Link

PATIENCE = 20.0
"""Seconds that the agent may take to kill a group; it gives up after half of them."""


class Errand(Program):
    """A program of the agent's. Its output is read anew whenever it is asked for, and stays here in the end."""

    def __init__(
        self, argv: Sequence[str | Path], *, name: str, log_dir: Path, link: Link, flush: Callable[[], object]
    ) -> None:
        super().__init__(argv, name=name, log_dir=log_dir)
        self._link = link
        self._flush = flush
        self._status: int | None = None
        self._over = False
        self._pid = int(link.call("start", argv=self.argv, name=name, folder=str(log_dir)))

    @property
    def pid(self) -> int:
        """The leader's process id on its host."""
        return self._pid

    def stderr(self) -> str:
        """Return what the group has written to stderr so far."""
        self._read(self.err_path)
        return super().stderr()

    def stdout(self) -> str:
        """Return what the group has written to stdout so far."""
        self._read(self.out_path)
        return super().stdout()

    def states(self) -> list[str]:
        """Return the state of each of the group's living processes."""
        return [] if self._over else list(self._ask("states"))

    def poll(self) -> int | None:
        """Return the leader's exit status, or None while it lives."""
        if self._status is None and not self._over:
            self._status = self._ask("poll")
        return self._status

    def signal(self, number: int) -> None:
        """Send a signal to every process of the group. Raises ProcessLookupError when all of it has ended."""
        if self._over:
            raise ProcessLookupError(f"{self.name} (pid {self.pid}) ended with status {self._status}")
        self._ask("signal", number=int(number))

    def wait(self, timeout: float) -> int:
        """Return the leader's exit status within `timeout` seconds. Raises WaitTimeout."""
        if self.poll() is None:
            self._status = self._ask("wait", seconds=timeout, patience=timeout + REACH)
        if self._status is None:
            raise WaitTimeout(f"waited {timeout:g} s for {self.name} to end; last seen:\n{self.where_it_hangs()}")
        return self._status

    def kill(self) -> None:
        """SIGKILL the whole group and reap it; one whose host was fenced is dead. Raises MachineError."""
        if self._over:
            return
        if self._link.fenced:
            self._status = -SIGKILL if self._status is None else self._status
        else:
            self._status = self._ask("kill", patience=PATIENCE)
            self._flush()
            for path in (self.out_path, self.err_path):
                self._read(path)
        self._over = True

    def where_it_hangs(self) -> str:
        """Return a line for each thread of the group."""
        return f"no process of {self.name} is left" if self._over else str(self._ask("hangs"))

    def _ask(self, do: str, *, patience: float = REACH, **arguments: Any) -> Any:
        return self._link.call(do, timeout=patience, content=None, pid=self._pid, **arguments)

    def _read(self, path: Path) -> None:
        """Have the file here as it is there now; of a host that is gone, as it was seen last."""
        if self._over or self._link.fenced:
            path.touch()
        else:
            path.write_bytes(self._link.call("get", path=str(path)))
