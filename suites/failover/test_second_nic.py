"""What becomes of sessions by either NIC when the primary is lost."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, no_reset, nothing_lost, sessions_go_on, survivors_run
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.topology(nics=2, checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
@pytest.mark.answers(within=6)
@pytest.mark.claim("FT-1")
@control(sabotage="second-no-rewriter", checker="no_reset")
def test_sessions_by_both_nics_outlive_the_primary(
    pair: ColoPair, client: Client, second_client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Sessions by either NIC, opened since the last checkpoint, go on with the promoted secondary."""
    pair.checkpoint()
    with Crowd([client.echo("first-echo"), second_client.echo(), second_client.http()]) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(10)
    pair.observe_survivor("after")

    check(exercised, sessions_go_on, no_reset, nothing_lost, survivors_run)
