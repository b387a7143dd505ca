"""What a manager may do to a pair at a wrong moment."""

import pytest

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.blocks import CommandRefused
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check

STOPPED = [(Role.SECONDARY, Message.CHECKPOINT_REPLY), (Role.PRIMARY, Message.VMSTATE_RECEIVED)]
"""A side, and the message that is held while it stands still."""


@pytest.mark.topology(guest="tick", checkpoint_delay_ms=400, relayed=True)
@pytest.mark.parametrize(("side", "held"), STOPPED, ids=["secondary", "primary"])
@pytest.mark.claim("REG-4")
@pytest.mark.regression("cont amid a checkpoint")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_cont_amid_a_checkpoint_is_refused(pair: ColoPair, check: Check, side: Role, held: Message) -> None:
    """Either side refuses it while it stands still for a checkpoint, and checkpoints go on."""
    pair.hold(held)
    pair.vm(side).attempt("cont")
    pair.relays.checkpoint.release()
    with pair.watching():
        pair.let_checkpoints_come(3)

    check(CommandRefused("cont", "COLO checkpoint in progress"), CheckpointsGoOn(at_least=2))
