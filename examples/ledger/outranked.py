"""A fault of this project: a host that has better things to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.faults.fault import Bite
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM

LOWEST = 19


@dataclass(frozen=True)
class Outranked:
    """QEMU gets a processor only when nobody else wants one."""

    role: Role

    allows = ()

    def __str__(self) -> str:
        return f"outrank-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Take the rank of all threads of what has the role now, and give it back. Raises MachineError."""
        victim = pair.vm(self.role)
        before = os.getpriority(os.PRIO_PROCESS, victim.process.group()[0])
        _rank(victim, LOWEST)
        try:
            yield {"host": victim.name}
        finally:
            _rank(victim, before)


def _rank(vm: VM, nice: int) -> None:
    threads = [int(task.name) for pid in vm.process.group() for task in Path(f"/proc/{pid}/task").iterdir()]
    for thread in threads:
        os.setpriority(os.PRIO_PROCESS, thread, nice)
    if any(os.getpriority(os.PRIO_PROCESS, thread) != nice for thread in threads):
        raise MachineError(f"{vm.name} keeps its rank", "run as root")
