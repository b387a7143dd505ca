"""What becomes of sessions with the ledger when a host is lost."""

import pytest
from colo_pytest.claims import control
from colo_pytest.pair import Check
from outranked import Outranked

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import exercised, no_reset, nothing_lost, sessions_go_on
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd

UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
"""No checkpoint comes of itself, so that none can save a session whose mechanism fails."""
pytestmark = [UNAIDED, pytest.mark.answers(within=6), pytest.mark.claim("LEDGER-1")]


@pytest.mark.parametrize("loss", [Kill(Role.PRIMARY), Freeze(Role.PRIMARY)], ids=str)
@control(sabotage="no-rewriter", checker="no_reset")
def test_a_session_outlives_the_primary(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill | Freeze
) -> None:
    """A session that was opened since the last checkpoint goes on with the survivor."""
    pair.checkpoint()
    with Crowd([client.echo()]) as crowd:
        crowd.let_answer(5)
        nemesis.inject(loss)
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(5)

    check(exercised, sessions_go_on, no_reset, nothing_lost)


def test_so_it_does_where_the_secondary_is_outranked(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """It goes on, too, where the survivor's host has better things to do."""
    pair.checkpoint()
    with Crowd([client.echo()]) as crowd:
        crowd.let_answer(5)
        nemesis.inject(Outranked(Role.SECONDARY))
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(5)

    check(exercised, sessions_go_on, no_reset, nothing_lost)
