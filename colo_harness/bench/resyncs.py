"""How long a survivor runs unprotected: from the start of its new secondary to COLO, against the size of its disk."""

from colo_harness.bench.gauge import Gauge
from colo_harness.colo import disks
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.moments import phases
from colo_harness.qemu.topology import Role

SIZES = (64, 128, 256, 512)
"""MiB of a disk; all of it holds data."""


def name(size: int) -> str:
    """Return what is measured with a disk of so many MiB."""
    return f"{size} MiB"


def measure_resyncs(gauge: Gauge, sizes: tuple[int, ...], usual: int) -> None:
    """Kill the secondary of a pair with a disk of each size, and give the primary another one."""
    for number in gauge.repetitions(usual):
        for size in gauge.dice.sample(sizes, len(sizes)):
            _take(gauge, size, number)


def _take(gauge: Gauge, size: int, number: int) -> None:
    sheet, history = gauge.sheet, gauge.sheet.history
    with gauge.replicating(disk_mib=size) as pair, Nemesis(pair, history) as nemesis:
        nemesis.inject(Kill(Role.SECONDARY))
        pair.failover_to(Role.PRIMARY)
        since = history.now()
        pair.resume()
        steps = [
            next(entry.at for entry in phases(history.entries, step) if entry.at >= since)
            for step in ("resume", "resynced", "replicating")
        ]
        disks.compare(pair, name(size))
        parts = {"copied": steps[1] - steps[0], "replicating": steps[2] - steps[1]}
        sheet.take(name(size), number, steps[2] - steps[0], **parts)
