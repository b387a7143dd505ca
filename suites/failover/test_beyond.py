"""What is outside the promise, and is shown as such."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import IN_RESYNC
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import NotHeld
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

pytestmark = pytest.mark.answers(within=2)


@pytest.mark.claim("OUT-3")
def test_both_sides_at_once(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """When both sides die at once nobody carries on, and no oracle says that anything was kept."""
    with Crowd(client.asked()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Kill(Role.PRIMARY))
        nemesis.inject(Kill(Role.SECONDARY))
        pair.attempt_failover(Role.SECONDARY)
        crowd.let_answer(1)
    client.read_back()

    check(NotHeld())


@pytest.mark.claim("OUT-3")
@control(sabotage="protected-in-secret", checker="not_held")
def test_the_survivor_before_it_is_protected_again(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """When the survivor dies in the resync nobody carries on, and no oracle says that anything was kept."""
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    with Crowd(client.asked()) as crowd:
        crowd.let_answer(3)
        with IN_RESYNC.reached(pair, client):
            nemesis.inject(Kill(Role.PRIMARY))
            pair.attempt_failover(Role.SECONDARY)
            crowd.let_answer(1)
    client.read_back()

    check(NotHeld())
