"""What a checkpoint makes of the secondary's memory, and what a survivor's memory is after a loss."""

import pytest

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.ticks import Ticks
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import MOMENTS, Held, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.memory import GenerationPossible, MemoryEqual
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

BEFORE_TRANSFER = Held("before-transfer", Message.CHECKPOINT_REPLY, FellAt("before"))
BEFORE_DEVICES = Held("before-device-state", Message.VMSTATE_SIZE, FellAt("before"))
"""The secondary has the whole memory of the checkpoint, and nothing of its devices' state."""


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000, quiet=True)
@pytest.mark.claim("CKPT-3")
@control(sabotage="old-page", checker="memory_equal")
def test_a_checkpoint_makes_memory_equal(pair: ColoPair, check: Check) -> None:
    """Right after a checkpoint of a quiet guest both sides hold the same, whichever of them wrote or zeroed a page."""
    ticks = Ticks(pair)
    ticks.go(Role.SECONDARY)
    ticks.compare("only the secondary has written since the pair was formed")
    ticks.go(Role.PRIMARY)
    ticks.quiet(Role.PRIMARY)
    ticks.go(Role.SECONDARY)
    ticks.compare("both wrote")
    ticks.go(Role.PRIMARY)
    ticks.quiet(Role.PRIMARY)
    ticks.compare("only the primary wrote")
    ticks.go(Role.SECONDARY)
    ticks.compare("only the secondary wrote again")

    check(MemoryEqual(moments=4))


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000, relayed=True)
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.parametrize("moment", [*MOMENTS[:3], BEFORE_TRANSFER, BEFORE_DEVICES], ids=str)
@pytest.mark.claim("CKPT-4")
@pytest.mark.regression("Flush ram cache only after receiving device state")
@control(sabotage="old-page", checker="generation_possible")
def test_a_survivors_memory_is_the_guests_work(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, survivor: Role, moment: Moment
) -> None:
    """Whenever a side is lost, the other's memory is the guest's work and not older than the last checkpoint."""
    ticks = Ticks(pair)
    ticks.quiet(Role.SECONDARY)
    ticks.go(Role.PRIMARY)
    pair.checkpoint()
    with moment.reached(pair, client):
        nemesis.inject(Kill(survivor.peer))
        pair.failover_to(survivor)
        ticks.explain(Role.PRIMARY, "alone")

    check(GenerationPossible(), moment.proof)
