"""Either side is lost, or their stream, while the pair starts."""

from itertools import product

import pytest

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.breakoff import BreakOff
from colo_harness.faults.fault import Fault
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import AT_READY, BEFORE_LISTENING, IN_DEVICE_STATE, IN_FIRST_PASS, STARTS, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.stream import Flip
from colo_harness.judge import (
    StatesSeen,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    survivors_run,
)
from colo_harness.judge.resuming import ReplicatedAgain
from colo_harness.judge.starting import NeverRan
from colo_harness.qemu.topology import HOSTS, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import exchange
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

SOUND = (failover_completed, new_sessions_open, no_reset, nothing_lost, survivors_run)
REFUSED: dict[tuple[str, str, str], object] = {
    ("host_a", "query-status", "refused"): {"status": "paused", "running": False},
    ("host_a", "query-migrate", "refused"): {"status": "failed"},
    ("host_b", "query-status", "refused"): {"status": "inmigrate", "running": False},
}
IN_COLO: dict[tuple[str, str, str], object] = {(host, "query-migrate", "in"): {"status": "colo"} for host in HOSTS}
FAILING = [*product(STARTS, (Kill(Role.SECONDARY), BreakOff())), (AT_READY, Flip(Message.CHECKPOINT_READY, 3))]
"""Either side's loss of the other, and a first word of COLO's that arrives changed."""
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6), pytest.mark.topology(relayed=True)]


@pytest.mark.parametrize(("moment", "fault"), FAILING, ids=str)
@pytest.mark.claim("MOM-1")
@control(sabotage="no-promotion", checker="survivors_run", on="in-first-pass-kill-secondary")
def test_a_start_that_fails_is_no_harm(
    idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment, fault: Fault
) -> None:
    """A primary whose start fails on the way runs on alone; with a fresh secondary it replicates."""
    nemesis.allow("migration-failed")
    with moment.reached(idle_pair, client):
        nemesis.inject(fault)
        idle_pair.attempt_failover(Role.PRIMARY)
    sessions = client.incoming()
    exchange(sessions, 3)
    idle_pair.observe_survivor("after")
    idle_pair.attempt_resume()
    with idle_pair.settling():
        idle_pair.force_checkpoint()
    exchange(sessions, 3)

    check(moment.proof, ReplicatedAgain(1, checkpoints=1), *SOUND)


@pytest.mark.topology(deferred=True, relayed=False)
@pytest.mark.claim("MOM-1")
def test_a_start_that_nobody_hears_is_no_harm(
    idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A primary that migrates before anybody listens stays as it is, and enters COLO when it is asked again."""
    nemesis.allow("migration-failed", "stderr-migration")
    with BEFORE_LISTENING.reached(idle_pair, client):
        idle_pair.observe("refused")
    idle_pair.enter()
    idle_pair.observe("in")
    exchange(client.incoming(), 3)

    check(StatesSeen({**REFUSED, **IN_COLO}), nothing_lost)


@pytest.mark.claim("MOM-2")
@control(sabotage="no-promotion", checker="new_sessions_open")
def test_a_secondary_that_is_ready_takes_over(
    idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A secondary that has said CHECKPOINT_READY takes over from a primary that has not heard it yet."""
    with AT_READY.reached(idle_pair, client):
        nemesis.inject(Kill(Role.PRIMARY))
        idle_pair.attempt_failover(Role.SECONDARY)
    exchange(client.incoming(), 3)
    idle_pair.observe_survivor("after")

    check(AT_READY.proof, *SOUND)


@pytest.mark.parametrize("moment", [IN_FIRST_PASS, IN_DEVICE_STATE], ids=str)
@pytest.mark.claim("MOM-2")
def test_half_a_guest_is_never_promoted(
    idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment
) -> None:
    """A secondary whose primary is lost before it holds a whole guest refuses to be promoted, and runs nothing."""
    nemesis.allow("migration-failed", "exit-status")
    with moment.reached(idle_pair, client):
        nemesis.inject(Kill(Role.PRIMARY))
        idle_pair.attempt_failover(Role.SECONDARY)

    check(moment.proof, NeverRan())
