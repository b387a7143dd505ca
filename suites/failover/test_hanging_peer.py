"""A peer that hangs and is not fenced: what the survivor's commands do while it holds every connection open."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Freeze
from colo_harness.faults.moments import BEFORE_COMMIT, IDLE, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
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

SOUND = (exercised, failover_completed, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
GOES_ON = (never_both_answer, StallBelow(margin_s=2.5), new_sessions_open, sessions_go_on, survivors_run)
HANG_S = 4.0
"""A command of a failover that takes so long hangs: each takes a few milliseconds."""
KNOWN = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0004-blockdev-del-hangs.md")
pytestmark = [pytest.mark.matrix, PLAIN_TCP, pytest.mark.answers(within=6)]


@pytest.mark.topology(relayed=True)
@pytest.mark.parametrize("moment", [IDLE, BEFORE_COMMIT], ids=str)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("FT-6")
@pytest.mark.regression("no timeout in COLO")
@control(sabotage="no-yank", checker="failover_completed", on="secondary-idle")
def test_a_yank_frees_the_survivor(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role, moment: Moment
) -> None:
    """With an out-of-band yank first, the survivor of a frozen peer fails over while the peer hangs on."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(10)
        with moment.reached(pair, client):
            nemesis.inject(Freeze(lost))
            pair.attempt_failover(lost.peer, fenced=False, within=HANG_S)
            crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    check(moment.proof, *SOUND, *GOES_ON)


@pytest.mark.parametrize("lost", [Role.PRIMARY, pytest.param(Role.SECONDARY, marks=KNOWN)], ids=str)
@pytest.mark.claim("FT-7")
@pytest.mark.regression("no timeout in COLO")
@control(sabotage="no-promotion", checker="no_reset")
def test_the_documents_order_alone_completes(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """The document's commands alone, without fence or yank, make the survivor of a frozen peer carry on."""
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Freeze(lost))
        pair.attempt_failover(lost.peer, fenced=False, yanked=False, within=HANG_S)
        crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    check(*SOUND, *GOES_ON)
