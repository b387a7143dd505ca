"""Resuming replication after a failover, by the document's "Primary resume replication" and "Secondary …".

The survivor is the primary by now, and the same process as before. Its host's peer gets a fresh QEMU, which finds the
disks that the lost one left there; all of the survivor's disks is copied to it before the two replicate.
"""

from typing import TYPE_CHECKING, Any

from colo_harness.colo import procedure, start
from colo_harness.errors import StartupFailed
from colo_harness.qemu.argv import ids_for_each_nic
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair

TRICKLE = 1 << 20
"""Bytes a second of a copy that is to last."""


def renew_loop(pair: "ColoPair") -> None:
    """Make the streams between the primary's filters and its colo-compare anew.

    Half a frame may stand in one since colo-compare was deleted (docs/findings/0009-half-a-frame.md).
    """
    if pair.topology.proxied:
        vm = pair.vm(Role.PRIMARY)
        loop = ids_for_each_nic(procedure.LOOP, pair.topology)
        procedure.drop_chardevs(vm, loop)
        procedure.add(vm, [part for part in pair.graph(Role.PRIMARY).parts if part.id in loop])


def inherit_disks(pair: "ColoPair") -> None:
    """Hand the disks of the lost host to the QEMU that comes; buffers need to be created only once (step 2)."""
    host = pair.host(Role.SECONDARY)
    lost = pair.files[host]
    files = pair.files[host] = lost.next()
    files.make()
    site = pair.network.site(host)
    site.hand_over(files.folder)
    for before, after in zip(lost.images(pair.topology.disks), files.images(pair.topology.disks), strict=True):
        for old, new in zip(before, after, strict=True):
            if site.has(old):
                site.move(old, new)
    start.make_buffers(pair)


def resync(pair: "ColoPair") -> None:
    """Let the secondary's disks become like the survivor's, whose guest works, and stay so.

    Raises StartupFailed, WaitTimeout.
    """
    primary, disks = pair.vm(Role.PRIMARY), range(pair.topology.disks)
    for disk in disks:
        procedure.mirror_disk(primary, pair.address(Role.SECONDARY), disk=disk)

    def ready() -> bool:
        jobs = primary.execute("query-block-jobs")
        if len(jobs) < len(disks):
            raise StartupFailed(f"the resync of {primary.name} ended by itself: not all of its disks is copied")
        return all(job["ready"] for job in jobs)

    wait_until("the resync to be ready", ready, timeout=pair.timeouts.resync)


def resync_slowly(pair: "ColoPair") -> None:
    """Begin the copy, at a rate at which it takes a minute, and return when some is copied. Raises WaitTimeout."""
    primary = pair.vm(Role.PRIMARY)
    procedure.mirror_disk(primary, pair.address(Role.SECONDARY), speed=TRICKLE)

    def under_way() -> bool:
        jobs: list[dict[str, Any]] = primary.execute("query-block-jobs")
        return any(0 < job["offset"] < job["len"] and not job["ready"] for job in jobs)

    wait_until("some of the disk to be copied", under_way, timeout=pair.timeouts.resync)
    pair.history.record("phase", "pair", "resyncing")


def stop_guest(pair: "ColoPair") -> None:
    """Stop the guest, and end the copies with the disks of both sides alike. Raises WaitTimeout."""
    procedure.stop_guest(pair.vm(Role.PRIMARY))
    end_copies(pair)


def end_copies(pair: "ColoPair") -> None:
    """End the copies of all disks, and return once they have ended. Raises WaitTimeout."""
    primary = pair.vm(Role.PRIMARY)
    for disk in range(pair.topology.disks):
        procedure.end_mirror(primary, disk=disk)
    wait_until("the resync to end", lambda: not primary.execute("query-block-jobs"), timeout=pair.timeouts.resync)


def add_filters(pair: "ColoPair") -> None:
    """Put the primary's filters in, ahead of the rewriter of one that was a secondary."""
    vm, host = pair.vm(Role.PRIMARY), pair.host(Role.PRIMARY)
    wanted = ids_for_each_nic(procedure.PRIMARY_FILTERS, pair.topology)
    filters = [part for part in pair.graph(Role.PRIMARY).parts if part.id in wanted]
    procedure.add(vm, filters, before=next(iter(pair.objects(host, ("rew0",))), None))
    pair.graphs[host] = pair.graphs[host].joined(filters)


READY_RESYNC = (inherit_disks, start.launch_secondary, start.set_capabilities, start.serve_replica)
"""The steps until the disk can be copied: by `resync`, after which the disks stay alike while the guest works."""
REPLICATE = (stop_guest, start.attach_replica, add_filters)
"""The steps from there until both sides are ready to enter COLO."""
