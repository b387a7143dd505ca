"""One side's QEMU is told to end, as a manager does by mistake, and takes leave instead of vanishing."""

import pytest

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.late_quit import LateQuit
from colo_harness.faults.loss import Quit
from colo_harness.faults.moments import BEFORE_COMMIT, IDLE, Held, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    FellAt,
    StallBelow,
    Violation,
    acknowledged_explained,
    exercised,
    failover_completed,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.ending import Ended
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

HELD = (
    Held("before-transfer", Message.CHECKPOINT_REPLY, FellAt("before", begun=True)),
    Held("before-commit", Message.VMSTATE_RECEIVED, FellAt("before", begun=True)),
    Held("after-commit", Message.VMSTATE_LOADED, FellAt("after", begun=True)),
)
HANGS = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0078-quit-hangs.md")
pytestmark = [pytest.mark.matrix, PLAIN_TCP]


@pytest.mark.topology(relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize(("role", "moment"), [(Role.PRIMARY, BEFORE_COMMIT), (Role.SECONDARY, IDLE)], ids=str)
@pytest.mark.claim("END-4")
@control(sabotage="no-promotion", checker="no_reset", on="secondary-idle")
def test_sessions_outlive_a_quit(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, role: Role, moment: Moment
) -> None:
    """Either side may quit under busy sessions: they go on with the other, and nothing acknowledged is lost."""
    with Crowd([client.echo(), client.log(), client.download()]) as crowd:
        crowd.let_answer(5)
        with moment.reached(pair, client):
            nemesis.inject(Quit(role))
            pair.attempt_failover(role.peer)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, no_reset, nothing_lost, acknowledged_explained, sessions_go_on, StallBelow(2.5), survivors_run)


@pytest.mark.topology(guest="tick", relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("moment", HELD, ids=str)
@pytest.mark.parametrize("role", list(Role), ids=str)
@pytest.mark.claim("END-4")
@control(sabotage="no-promotion", checker="survivors_run", on="secondary-after-commit")
def test_a_quit_in_a_checkpoint_ends_at_once(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, role: Role, moment: Held
) -> None:
    """Whatever message the checkpoint waits for, either side ends with status 0 and the other one carries on."""
    with moment.reached(pair, client):
        nemesis.inject(Quit(role))
        pair.attempt_failover(role.peer)
    pair.observe_survivor("after")

    check(moment.proof, failover_completed, survivors_run)


@HANGS
@pytest.mark.needs("suspension")
@pytest.mark.topology(guest="tick", relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.claim("END-4")
@control(sabotage="no-promotion", checker="survivors_run")
def test_a_quit_as_a_checkpoint_begins_ends_at_once(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """A primary that stops its guest for a checkpoint as it is told to quit ends with status 0, and the other runs."""
    nemesis.inject(LateQuit())
    pair.attempt_failover(Role.SECONDARY)
    pair.observe_survivor("after")

    check(Ended("host-qmp-quit", ("host_a",)), survivors_run)
