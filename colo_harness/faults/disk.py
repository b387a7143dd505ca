"""A disk of one host that refuses writes, or is full."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from colo_harness.colo.disks import write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.qemu.disk import BASE_BLOCKS, BLOCK, CLUSTER, FIRST_SLOT
from colo_harness.qemu.flaw import Trouble, flawed
from colo_harness.qemu.topology import Role

Place = Literal["primary", "parent", "hidden", "active"]
"""The images of a pair: the primary's disk, the secondary's, and the two before that."""
CLUSTERS = range(2 * FIRST_SLOT, 2 * FIRST_SLOT + 256, CLUSTER // BLOCK)
"""A block in each of so many clusters that nobody else writes: more than a tmpfs of 1 MiB has room for."""
PROBE = BASE_BLOCKS - 1
"""A block that nobody else writes, in a cluster that both disks have had from the first."""

REFUSED = (
    *("quorum-report-bad", "quorum-failure", "block-io-error", "block-job-error", "colo-exit-error"),
    *("stderr-block", "stderr-nbd", "console-disk", "stderr-migration", "stderr-network"),
)
"""What a disk that refuses writes brings."""


@dataclass(frozen=True)
class DiskError:
    """Each write to one image's file fails: EIO, or ENOSPC as on a full disk."""

    place: Place
    trouble: Trouble = "EIO"

    allows = REFUSED

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


@dataclass(frozen=True)
class RamDiskFull:
    """The tmpfs of the secondary's buffers has no room left, until failover empties them (`ram_disk_mib=1`)."""

    allows = REFUSED

    def __str__(self) -> str:
        return "ram-disk-full"

    @property
    def role(self) -> Role:
        """The side whose buffers they are."""
        return Role.SECONDARY

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Let the secondary write until its buffers can hold no more. Raises WaitTimeout."""
        victim = pair.vm(self.role)
        since = pair.history.cursor()
        write_alone(pair, self.role, dict.fromkeys(CLUSTERS, "f"))
        victim.await_event("QUORUM_REPORT_BAD", since=since, timeout=pair.timeouts.command)
        yield {"host": victim.name}
