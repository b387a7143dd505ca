"""During a failover: after one of its commands, and before the next."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from colo_harness.colo import procedure
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.judge.availability import FellInFailover
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.wait import wait_until


@dataclass(frozen=True)
class InFailover:
    """The failover to `role`, whose peer hangs and is not fenced, stands still after the command `after`.

    `after` is the command, or the id of what it takes away or adds.
    """

    role: Role
    after: str
    first: bool = False
    """In the other documented order: the survivor is told before anything is removed."""

    def __str__(self) -> str:
        return f"{self.role}-after-{self.after}{'-told-first' if self.first else ''}"

    @property
    def proof(self) -> FellInFailover:
        """The fault fell between this command and the next."""
        return FellInFailover(self.after)

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Begin the failover, and let a client come; both come to their end behind the block. Raises WaitTimeout."""
        stands, goes_on = threading.Event(), threading.Event()

        def interrupt(command: str, arguments: dict[str, Any]) -> None:
            if self.after in (command, arguments.get("id")) and not stands.is_set():
                pair.history.record("phase", "pair", "failover stands", after=self.after)
                stands.set()
                goes_on.wait(DEADLINE_S)

        with ThreadPoolExecutor(2) as threads, pair.vm(self.role).interrupted(interrupt):
            try:
                failover = threads.submit(partial(pair.attempt_failover, self.role, fenced=False, first=self.first))
                wait_until(f"{self} to be done", lambda: stands.is_set() or failover.done(), timeout=DEADLINE_S)
                opened = threads.submit(client.echo)
                yield
            finally:
                pair.history.record("phase", "pair", "failover goes on")
                goes_on.set()
            failover.result()
            opened.result().exchange(1)


COMMANDS = {
    Role.PRIMARY: ("x-blockdev-change", "blockdev-del", *procedure.PRIMARY_FILTERS, "x-colo-lost-heartbeat"),
    Role.SECONDARY: (
        "nbd-server-stop",
        "x-colo-lost-heartbeat",
        *procedure.SECONDARY_FILTERS,
        "announce-self",
        *procedure.SECONDARY_CHARDEVS,
        *procedure.PRIMARY_CHARDEVS,
    ),
}
"""Each command of Primary Failover, and each of Secondary Failover with its announcement."""
IN_FAILOVER = tuple(InFailover(role, after) for role, commands in COMMANDS.items() for after in commands)
"""After each of them in turn."""
TOLD_FIRST = tuple(replace(moment, first=True) for moment in IN_FAILOVER)
"""The same in the other documented order."""
