"""Losing one side: its QEMU dies, ends or hangs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.faults.fault import Bite
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until

PEER_LOST = (
    "colo-exit-error",
    "block-io-error",
    "quorum-report-bad",
    "stderr-nbd",
    "stderr-network",
    "stderr-migration",
)
"""Symptoms of a survivor whose peer is gone (colo_harness/judge/symptoms.py has the table)."""


@dataclass(frozen=True)
class Kill:
    """QEMU is gone at once; the host's kernel closes its sockets."""

    role: Role

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return f"kill-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Kill the VM that has the role now, which proves itself: the process is reaped."""
        victim = pair.vm(self.role)
        victim.kill()
        yield {"host": victim.name}


@dataclass(frozen=True)
class Quit:
    """QEMU is told to end, and takes leave of whatever it is connected to."""

    role: Role

    allows = PEER_LOST

    def __str__(self) -> str:
        return f"quit-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell the VM that has the role now, and enter once it has ended. Raises WaitTimeout."""
        victim = pair.vm(self.role)
        victim.execute("quit")
        wait_until(f"{victim.name} to end", lambda: not victim.alive, timeout=pair.timeouts.command)
        yield {"host": victim.name}


@dataclass(frozen=True)
class Reset:
    """QEMU is told to reset its machine: one side's guest begins anew, the other's knows nothing of it."""

    role: Role

    allows = ("guest-reset",)  # the firmware resets once more by itself

    def __str__(self) -> str:
        return f"reset-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell the VM that has the role now, and enter once it was reset. Raises WaitTimeout."""
        victim, since = pair.vm(self.role), pair.history.cursor()
        victim.execute("system_reset")
        victim.await_event("RESET", since=since, timeout=pair.timeouts.command)
        yield {"host": victim.name}


@dataclass(frozen=True)
class Freeze:
    """QEMU hangs: it answers nothing but keeps every socket open."""

    role: Role

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return f"freeze-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Freeze the VM that has the role now; it is fenced in the end, never thawed. Raises MachineError."""
        victim = pair.vm(self.role)
        victim.freeze()
        try:
            wait_until(f"{victim.name} to be frozen", lambda: _is_frozen(victim), timeout=5)
            yield {"host": victim.name}
        finally:
            victim.kill()  # never SIGCONT: an unfenced old primary would answer again


def _is_frozen(victim: VM) -> bool:
    if not victim.alive:
        raise MachineError(f"{victim.name} died before it could be frozen", "look at its stderr")
    return victim.process.stopped
