"""A guest that somebody has told to stop, as an operator does at a monitor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import CommandError
from colo_harness.faults.fault import Bite
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until


@dataclass(frozen=True)
class Paused:
    """QEMU is told `stop`, and `cont` at healing: its guest stands still, and QEMU answers."""

    role: Role

    allows = ()

    def __str__(self) -> str:
        return f"pause-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Stop what has the role now, and enter once it has. Raises WaitTimeout, CommandError."""
        vm, since = pair.vm(self.role), pair.history.cursor()
        vm.execute("stop")
        vm.await_event("STOP", since=since, timeout=pair.timeouts.command)
        yield {"host": vm.name}
        wait_until(f"{vm.name} to go on", lambda: _goes_on(vm), timeout=pair.timeouts.command)


def _goes_on(vm: VM) -> bool:
    """Tell it to; amid a checkpoint QEMU refuses (migration/colo.c), and the guest runs once that is over."""
    try:
        vm.execute("cont")
    except CommandError as refused:
        if "COLO checkpoint in progress" not in refused.description:
            raise
    return bool(vm.execute("query-status")["running"])
