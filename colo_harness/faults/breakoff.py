"""Breaking off the migration that is to become COLO."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.history import Entry
from colo_harness.qemu.topology import Role

_BITES_WITHIN = 10.0


@dataclass(frozen=True)
class BreakOff:
    """The stream of a migration that is not COLO yet is yanked at the primary's end; a secondary that loads it ends."""

    allows = ("migration-failed", "exit-status", *PEER_LOST)

    def __str__(self) -> str:
        return "break-off"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Yank it, and enter once the primary has told: its migration failed, or COLO ended. Raises WaitTimeout."""
        vm, since = pair.vm(Role.PRIMARY), pair.history.cursor()

        def told(entry: Entry) -> bool:
            mine = entry.kind == "event" and entry.who == vm.name
            return mine and (entry.what == "COLO_EXIT" or entry.data.get("status") == "failed")

        vm.yank({"type": "migration"})
        what = f"{vm.name} to tell that its migration broke off"
        pair.history.wait_for(what, told, since=since, timeout=_BITES_WITHIN)
        yield {"host": vm.name}
