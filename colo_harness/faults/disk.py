"""A disk of one host that refuses writes, or is full."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from colo_harness.colo.disks import write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.qemu.disk import BASE_BLOCKS
from colo_harness.qemu.flaw import Trouble, flawed
from colo_harness.qemu.topology import Role

Place = Literal["primary", "parent", "hidden", "active"]
"""The images of a pair: the primary's disk, the secondary's, and the two before that."""
PROBE = BASE_BLOCKS - 1
"""A block that nobody else writes, in a cluster that both disks have had from the first."""


@dataclass(frozen=True)
class DiskError:
    """Each write to one image's file fails: EIO, or ENOSPC as on a full disk."""

    place: Place
    trouble: Trouble = "EIO"

    allows = (
        *("quorum-report-bad", "quorum-failure", "block-io-error", "block-job-error", "colo-exit-error"),
        *("stderr-block", "stderr-nbd", "console-disk", "stderr-migration", "stderr-network"),
    )

    def __str__(self) -> str:
        return f"{self.place}-{self.trouble.lower()}"

    @property
    def role(self) -> Role:
        """The side whose disk it is."""
        return Role.PRIMARY if self.place == "primary" else Role.SECONDARY

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Put the flaw beneath the image that the place has now, and enter once a write of ours was refused.

        Raises MachineError, WaitTimeout.
        """
        victim = pair.vm(self.role)
        files = victim.files
        image = {"active": files.active, "hidden": files.hidden}.get(self.place, files.disk)
        writer = Role.SECONDARY if self.place == "active" else Role.PRIMARY
        with flawed(victim, image, self.trouble):
            since = pair.history.cursor()
            write_alone(pair, writer, {PROBE: "!"})
            pair.vm(writer).await_event("QUORUM_REPORT_BAD", since=since, timeout=pair.timeouts.command)
            yield {"host": victim.name, "image": image.name}
