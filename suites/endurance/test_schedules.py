"""Random schedules: whatever goes wrong, whenever, under whatever traffic, again and again."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.journey import Journey
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.schedule import Schedule
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    failover_completed,
    never_both_answer,
    no_reset,
    nothing_lost,
)
from colo_harness.judge.turns import TurnsTaken, disks_alike
from colo_harness.qemu.disk import LAST_SLOT
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

NOTHING_LOST = (no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
WHOLE_AGAIN = (failover_completed, never_both_answer, disks_alike)


@pytest.mark.needs("forgetting")
@pytest.mark.topology(checkpoint_delay_ms=1000, relayed=True)
@pytest.mark.claim("LONG-1")
@control(sabotage="short-resync", checker="disks_alike")
def test_a_pair_outlives_its_schedule(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, schedule: Schedule
) -> None:
    """One set of busy sessions outlives every turn, nothing acknowledged is lost, and both disks are alike after it."""
    with Crowd(client.incoming(), pause=0.05) as crowd:
        client.log().rewrite([LAST_SLOT])
        crowd.let_answer(3)
        pair.checkpoint()
        Journey(pair, nemesis, client, crowd).follow(schedule)
    client.read_back()

    check(TurnsTaken(schedule.least), StallBelow(margin_s=5), *NOTHING_LOST, *WHOLE_AGAIN)
