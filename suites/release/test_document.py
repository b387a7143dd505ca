"""The document of the reference release as it prints its command lines, and the secondary's start with `-S`."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, no_reset, nothing_lost, survivors_run
from colo_harness.judge.entering import ColoEntered
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check
from suites.release.survivors import alone

AS_PRINTED = {"nic": "rtl8139", "bus": "ide", "usb": True, "waiting": True}


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000, **AS_PRINTED)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-5")
@control(sabotage="no-rewriter", checker="no_reset", on="primary")
def test_a_pair_as_printed_outlives_either_side(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """With rtl8139, IDE, USB tablet and `wait=on` a session that was opened since the start outlives either side."""
    nemesis.allow("stderr-network")  # a secondary that comes up first calls until somebody listens
    session = client.echo()
    session.exchange(3)
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    session.exchange(3)
    pair.observe_survivor("after")

    check(ColoEntered(), exercised, no_reset, nothing_lost, survivors_run)


@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500, secondary_halted=True)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-5")
@control(sabotage="no-promotion", checker="states_seen")
def test_a_secondary_that_was_started_halted_runs(pair: ColoPair, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """A secondary that was started with `-S` runs in COLO all the same, and so does whichever side survives."""
    pair.wait_checkpoints(2)
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    pair.observe_survivor("after")

    check(ColoEntered(), alone(lost.peer))
