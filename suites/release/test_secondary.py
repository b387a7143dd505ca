"""What a secondary costs its host, and what it does without a guest that runs."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.memory import MemoryHeld
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000)
@pytest.mark.claim("VAR-6")
@control(sabotage="no-promotion", checker="memory_held")
def test_a_secondary_has_memory_twice_until_it_is_promoted(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Guest memory is once with the primary and twice with the secondary, which gives the copy back at promotion."""
    memory = pair.topology.memory_mib << 20
    pair.checkpoint()
    for vm in pair.vms:
        vm.observe_dumped(memory, "replicating")
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    pair.vm(Role.PRIMARY).observe_dumped(memory, "alone")

    expected = {("host_a", "replicating"): 1, ("host_b", "replicating"): 2, ("host_b", "alone"): 1}
    check(MemoryHeld(expected))
