"""A side that is slow: its processor belongs to somebody else for most of the time."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.faults.fault import Bite
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM

PERIOD_S = 0.05
_TURNS = 3


@dataclass(frozen=True)
class Slow:
    """A QEMU gets so many percent of the time, in turns of a twentieth of a second, as on a crowded host."""

    role: Role
    percent: float = 10

    allows = ()

    def __str__(self) -> str:
        return f"slow-{self.role}-{self.percent:g}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Stop and thaw it in turns, and enter after the first ones; in the end it runs. Raises MachineError."""
        turns = _Turns(pair.vm(self.role), self.percent / 100)
        bite: Bite = {"host": turns.vm.name, "turns": 0}
        try:
            turns.await_some()
            yield bite
        finally:
            turns.end()
        bite["turns"] = turns.count


class _Turns:
    def __init__(self, vm: VM, share: float) -> None:
        self.vm = vm
        self.count = 0
        self._share = share
        self._over, self._some = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._take, name="slow", daemon=True)
        self._thread.start()

    def await_some(self) -> None:
        """Return after the first turns. Raises MachineError."""
        if not self._some.wait(10) or self.count < _TURNS:
            raise MachineError(f"{self.vm.name} cannot be slowed down", "did it die?")

    def end(self) -> None:
        """Let it run again; nothing where it has died meanwhile."""
        self._over.set()
        self._thread.join()

    def _take(self) -> None:
        try:
            while not self._over.is_set():
                self.vm.process.signal(signal.SIGSTOP)
                self._over.wait(PERIOD_S * (1 - self._share))
                self.vm.process.signal(signal.SIGCONT)
                self._over.wait(PERIOD_S * self._share)
                self.count += 1
                if self.count == _TURNS:
                    self._some.set()
        except ProcessLookupError:
            self._some.set()  # it died, and needs no thawing
        finally:
            with suppress(ProcessLookupError):
                self.vm.process.signal(signal.SIGCONT)
