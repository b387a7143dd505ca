"""What a core file of either side would hold."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.memory import LeftOut
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.topology(guest="tick", machine="pc,dump-guest-core=off", checkpoint_delay_ms=60_000)
@pytest.mark.claim("REG-5")
@pytest.mark.regression("e5fdf92096")
@control(sabotage="memory-dumped", checker="left_out")
def test_core_files_are_spared_colos_copy_of_memory(pair: ColoPair, check: Check) -> None:
    """With dump-guest-core=off neither the guest's memory nor the secondary's copy of it is in a core file."""
    pair.checkpoint()
    for vm in pair.vms:
        vm.observe_dumped(pair.topology.memory_mib << 20)

    check(LeftOut({"host_a": 1, "host_b": 2}))
