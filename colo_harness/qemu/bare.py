"""A QEMU without a machine: nothing but its monitor, its chardevs and its objects."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from colo_harness.history import History
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import Process
from colo_harness.qemu import sandbox
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.monitor import Monitor
from colo_harness.settings import Timeouts

OPTIONS = ("-machine", "none", "-nodefaults", "-display", "none")


class BareQemu:
    """A running `argv` without a machine, named `name` in the history; leaving the context ends it.

    Raises LaunchFailure when it dies or stays mute at start.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        name: str,
        loop: Loop,
        guardian: Guardian,
        timeouts: Timeouts,
        history: History | None = None,
        options: Sequence[str] = (),
        namespace: Namespace | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self._timeouts = timeouts
        socket = folder / f"{name}.sock"
        monitor = ("-qmp", f"unix:{socket},server=on,wait=off")
        command = [*argv, *OPTIONS, *options, *monitor]
        self.process = Process(command, name=name, log_dir=folder, guardian=guardian, namespace=namespace)
        try:
            self._monitor = Monitor(
                socket,
                loop,
                History() if history is None else history,  # an empty one is false
                host=None if history is None else name,
                transcript=folder / f"{name}.qmp.jsonl",
                why_lost=self.why_lost,
            )
            self._connect()
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._monitor.close()
        finally:
            self.process.kill()

    def execute(self, command: str, arguments: dict[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """Run a QMP command. Raises CommandError, MonitorLost."""
        return self._monitor.execute(command, arguments, timeout=timeout or self._timeouts.command)

    def why_lost(self) -> str:
        """Describe the process for an error: argv, status or what its threads do, stderr."""
        status = self.process.poll()
        state = self.process.where_it_hangs() if status is None else f"exit status {status}{sandbox.blame(status)}"
        return f"argv: {self.process.command}\n{state}\n{self.process.stderr()}"

    def _connect(self) -> None:
        try:
            self._monitor.connect(timeout=self._timeouts.launch, alive=lambda: self.process.alive)
            sandbox.demand(self.process)
        except BaseException:
            self._monitor.close()
            raise
