"""What one side's guest reads of the other's writes before the next checkpoint."""

import pytest

from colo_harness.colo.disks import write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.lockstep import DivergenceForces
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

BLOCK = 40


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=8000, scan_cycle_ms=250)
@pytest.mark.parametrize("writer", list(Role), ids=str)
@pytest.mark.claim("DISK-4")
@control(sabotage="no-compare", checker="divergence_forces")
def test_one_sides_writes_are_hidden_from_the_other(pair: ColoPair, client: Client, check: Check, writer: Role) -> None:
    """A block that one side alone wrote, for the first or second time, reads differently: that forces a checkpoint."""
    log = client.log()
    pair.checkpoint()
    with pair.watching():
        write_alone(pair, writer, {BLOCK: "x"})
        log.block(BLOCK)
        write_alone(pair, writer, {BLOCK: "y"})
        log.block(BLOCK)

    check(DivergenceForces(what="block"))
