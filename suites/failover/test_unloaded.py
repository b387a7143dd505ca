"""A failover that overtakes the loading of a state which the secondary has received."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments.unloaded import unloaded
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import Violation, exercised, no_reset
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

LATE = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0085-loaded-after-failover.md")

RACE = [LATE, pytest.mark.needs("realtime"), pytest.mark.slow]
"""Which thread is first is certain on a machine that is else idle only: one of two beside others passed."""


@pytest.mark.answers(within=4)
@pytest.mark.topology(relayed=True, checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
@pytest.mark.parametrize("busy", [False, pytest.param(True, marks=RACE)], ids=["idle", "busy"])
@pytest.mark.claim("FT-5")
@control(sabotage="no-rewriter", checker="no_reset")
def test_a_state_that_was_received_is_loaded_or_not(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, *, busy: bool
) -> None:
    """A session since the last checkpoint lives, also where the secondary's main thread is busy as its primary dies."""
    nemesis.allow("stderr-block")
    session = client.echo()
    session.exchange(3)
    with unloaded(pair, busy=busy):
        nemesis.inject(Kill(Role.PRIMARY))
    session.exchange(3)

    check(exercised, no_reset)
