"""A side that hangs for a while and then goes on as if nothing had happened."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.machine.program import Program
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until


@dataclass(frozen=True)
class Nap:
    """QEMU hangs, or with `host` all that runs beside it too, and wakes up at healing, unless it was fenced meanwhile.

    What was promoted meanwhile and did not fence it has then two living machines beside each other.
    """

    role: Role
    host: bool = False

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return f"nap-{self.role}{'-host' if self.host else ''}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Stop what has the role now, and enter once it has stopped; let it go on in the end. Raises WaitTimeout."""
        host = pair.host(self.role)
        sleepers = pair.processes(host) if self.host else [pair.vm(self.role).process]
        for sleeper in sleepers:
            sleeper.signal(signal.SIGSTOP)
        wait_until(f"{self} to bite", lambda: all(sleeper.stopped for sleeper in sleepers), timeout=5)
        bite: Bite = {"host": host}
        try:
            yield bite
        finally:
            bite["woke"] = [sleeper.name for sleeper in sleepers if _wake(sleeper)]


def _wake(program: Program) -> bool:
    """Let it go on; say whether there was anything to be woken."""
    with suppress(ProcessLookupError):
        program.signal(signal.SIGCONT)
        wait_until(f"{program.name} to wake up", lambda: not program.stopped, timeout=5)
        return True
    return False
