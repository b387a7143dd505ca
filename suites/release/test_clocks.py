"""The guest's clocks."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, no_reset
from colo_harness.judge.clocks import clocks_go_on
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.topology(checkpoint_delay_ms=60_000)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-10")
@pytest.mark.regression("crash with TCG", may_fail_on="<11.0")
@control(sabotage="set-back", checker="clocks_go_on")
def test_the_guests_clocks_never_go_back(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """Reading them forces a checkpoint each time; so they are read before and after many, and after a loss."""
    clock = client.clock()
    clock.exchange(3)
    pair.checkpoint()
    clock.exchange()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    clock.exchange(2)
    client.clock("new").exchange()

    check(clocks_go_on, exercised, no_reset)
