"""Whatever hardware the guest has."""

from typing import Any

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import acknowledged_explained, exercised, no_reset, nothing_lost, survivors_run
from colo_harness.judge.disks import disk_answers
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

FACTORS = ("nic", "bus", "machine", "cpus", "raw", "lost")
ROWS = (
    ("virtio-net-pci", "virtio", "pc", 1, False, Role.PRIMARY),
    ("virtio-net-pci", "ide", "pc", 1, True, Role.SECONDARY),
    ("virtio-net-pci", "scsi", "q35", 2, False, Role.PRIMARY),
    ("e1000", "virtio", "pc", 2, True, Role.PRIMARY),
    ("e1000", "ide", "pc", 2, False, Role.SECONDARY),
    ("e1000", "scsi", "q35", 1, True, Role.SECONDARY),
    ("rtl8139", "virtio", "q35", 2, False, Role.SECONDARY),
    ("rtl8139", "ide", "q35", 1, True, Role.PRIMARY),
    ("rtl8139", "scsi", "pc", 2, True, Role.PRIMARY),
)
"""Any two values of any two factors are together in one row at least."""


def variant(*row: Any) -> Any:
    """Return a row as a parameter: all but who is lost is the pair's topology."""
    *hardware, lost = row
    fields = dict(zip(FACTORS, hardware, strict=False))
    told = (*hardware[:3], f"{fields['cpus']}cpu", "raw" if fields["raw"] else "qcow2", lost)
    return pytest.param(lost, marks=pytest.mark.topology(**fields), id="-".join(map(str, told)))


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize("lost", [variant(*row) for row in ROWS])
@pytest.mark.claim("VAR-1")
@control(sabotage="no-rewriter", checker="no_reset", on="rtl8139-ide-q35-1cpu-raw-primary")
def test_sessions_and_records_outlive_either_side(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """After three checkpoints amid work of NIC and disk either side is lost, and old and new sessions go on."""
    with Crowd([client.log(), client.echo(), client.http()]) as crowd:
        crowd.let_answer(6)
        pair.checkpoint()
        pair.checkpoint()
        pair.checkpoint()
        late = client.echo("late")
        late.exchange(3)
        nemesis.inject(Kill(lost))
        pair.failover_to(lost.peer)
        crowd.let_answer(6)
        late.exchange(3)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, no_reset, nothing_lost, acknowledged_explained, disk_answers, survivors_run)
