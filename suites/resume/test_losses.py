"""Either side is lost while a survivor is about to replicate again."""

import pytest

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import AT_READY, BEFORE_LISTENING, IN_DEVICE_STATE, IN_FIRST_PASS, IN_RESYNC, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    StallBelow,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.resuming import DisksEqual
from colo_harness.judge.starting import NeverRan
from colo_harness.qemu.disk import LAST_SLOT
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

NOTHING_LOST = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (failover_completed, StallBelow(margin_s=2.5), sessions_go_on)
UNHEARD = pytest.param(BEFORE_LISTENING, marks=[pytest.mark.topology(deferred=True, relayed=False), pytest.mark.slow])
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6), pytest.mark.topology(relayed=True)]


@pytest.mark.parametrize("moment", [IN_RESYNC, IN_FIRST_PASS, IN_DEVICE_STATE, AT_READY], ids=str)
@pytest.mark.claim("MOM-3")
@control(sabotage="short-resync", checker="disks_equal", on="in-resync")
def test_a_resume_may_fail(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment) -> None:
    """When the new secondary is lost on its way, the survivor serves on, and replicates with the next one."""
    nemesis.allow("migration-failed", "block-job-error")
    with client.log() as log:
        log.rewrite([LAST_SLOT])
    with Crowd(client.incoming(), pause=0.05) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Kill(Role.SECONDARY))
        pair.failover_to(Role.PRIMARY)
        crowd.let_answer(3)
        with moment.reached(pair, client):
            nemesis.inject(Kill(Role.SECONDARY))
            pair.attempt_failover(Role.PRIMARY)
        crowd.let_answer(3)
        pair.resume()
        with crowd.resting():
            disks.compare(pair, "resumed")
        crowd.let_answer(3)
    client.read_back()

    check(moment.proof, DisksEqual(1), *NOTHING_LOST, *GOES_ON)


@pytest.mark.claim("MOM-5")
@control(sabotage="no-takeover", checker="sessions_go_on")
def test_a_new_secondary_that_is_ready_takes_over(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """One that has said CHECKPOINT_READY to a survivor that is lost takes over, and all of its clients' sessions."""
    with Crowd(client.incoming(), pause=0.05) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Kill(Role.SECONDARY))
        pair.failover_to(Role.PRIMARY)
        crowd.let_answer(3)
        with AT_READY.reached(pair, client):
            nemesis.inject(Kill(Role.PRIMARY))
            pair.attempt_failover(Role.SECONDARY)
        crowd.let_answer(3)
    client.read_back()
    pair.observe_survivor("after")

    check(AT_READY.proof, *NOTHING_LOST, *GOES_ON, survivors_run)


@pytest.mark.parametrize("moment", [IN_FIRST_PASS, IN_DEVICE_STATE, UNHEARD], ids=str)
@pytest.mark.claim("MOM-5")
@control(sabotage="no-takeover", checker="never_ran")
def test_half_a_guest_of_a_survivor_is_never_promoted(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment
) -> None:
    """A new secondary whose survivor is lost before it holds a whole guest refuses to be promoted, and runs nothing."""
    nemesis.allow("migration-failed", "exit-status", "stderr-migration")
    client.log().exchange(3)
    nemesis.inject(Kill(Role.SECONDARY))
    pair.failover_to(Role.PRIMARY)
    with moment.reached(pair, client):
        nemesis.inject(Kill(Role.PRIMARY))
        pair.attempt_failover(Role.SECONDARY)

    check(moment.proof, NeverRan())
