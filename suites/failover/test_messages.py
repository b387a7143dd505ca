"""Every fault at every part of a checkpoint."""

import pytest

from colo_harness.colo.message import TRANSACTION, Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Fault
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.stream import Sever, Stall
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.transaction import FellBefore
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

LOST = [
    *(pytest.param(each(lost), lost.peer, id=str(each(lost))) for each in (Kill, Freeze) for lost in Role),
    *(pytest.param(each, left, id=f"{each}-leaving-{left}") for each in (Sever(), Stall()) for left in Role),
]
"""A fault, and who carries on after it."""
NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, StallBelow(margin_s=2.5), new_sessions_open, sessions_go_on, survivors_run)


@pytest.mark.answers(within=6)
@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("part", TRANSACTION, ids=str)
@pytest.mark.parametrize(("fault", "left"), LOST)
@pytest.mark.claim("STEP-1")
@control(sabotage="no-promotion", checker="survivors_run", on="kill-secondary-vmstate-loaded")
@control(sabotage="no-replication-child", checker="acknowledged_explained", on="kill-primary-vmstate-received")
def test_a_fault_at_any_message(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: Fault, left: Role, part: Message
) -> None:
    """Busy sessions outlive whatever falls while any message of a checkpoint is on its way, and nothing is lost."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        pair.hold(part)
        nemesis.inject(fault)
        pair.attempt_failover(left)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(FellBefore(part.value), *NOTHING_LOST, *GOES_ON)
