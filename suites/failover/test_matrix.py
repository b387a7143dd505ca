"""Whichever side is lost, in whatever way, at whatever moment."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.moments import IDLE, IN_TRANSFER, Moment, Standstill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    CaughtInFlight,
    StallBelow,
    Violation,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    never_both_answer,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

KNOWN = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0006-acknowledged-upload-lost.md"
)
LOSSES = [Kill(Role.PRIMARY), Kill(Role.SECONDARY), Freeze(Role.PRIMARY), Freeze(Role.SECONDARY)]
NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (
    failover_completed,
    never_both_answer,
    StallBelow(margin_s=2.5),
    new_sessions_open,
    sessions_go_on,
    survivors_run,
)
pytestmark = [pytest.mark.matrix, PLAIN_TCP]


@pytest.mark.answers(within=6)
@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("moment", [IDLE, IN_TRANSFER], ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("FT-5")
@control(sabotage="no-promotion", checker="sessions_go_on", on="kill-primary-idle")
def test_either_side_may_be_lost_at_any_moment(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill | Freeze, moment: Moment
) -> None:
    """Busy sessions outlive the loss of either side, by death or by hanging, and nothing acknowledged is lost."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(5)
        with moment.reached(pair, client):
            nemesis.inject(loss)
            pair.attempt_failover(loss.role.peer)
            crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, *NOTHING_LOST, *GOES_ON)


@KNOWN
@pytest.mark.answers(within=6)
@pytest.mark.topology(relayed=True, checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
@pytest.mark.claim("FT-5")
def test_what_the_primary_acknowledged_is_not_lost(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """What reached the primary while both sides stood still, and it acknowledged over TCP, outlives it."""
    session, standstill = client.upload(size=4096), Standstill(pair)
    session.exchange(3)
    standstill.begin()
    with Crowd([session]) as crowd:
        under_way = session.await_sent(timeout=5)
        standstill.await_mirrored()
        standstill.end()
        session.await_acknowledged(under_way, timeout=5)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(2)

    check(CaughtInFlight(), no_reset)
