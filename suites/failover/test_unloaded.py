"""A failover that overtakes the loading of a state which the secondary has received."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments.unloaded import loaded, unloaded
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import Violation, exercised, no_reset
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

LATE = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0085-loaded-after-failover.md")
OVERTAKEN = [LATE, pytest.mark.needs("suspension")]


@pytest.mark.answers(within=4)
@pytest.mark.topology(relayed=True, checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
@pytest.mark.parametrize("received", [loaded, pytest.param(unloaded, marks=OVERTAKEN)])
@pytest.mark.claim("FT-5")
@control(sabotage="no-rewriter", checker="no_reset", on="loaded")
def test_a_state_that_was_received_is_loaded_or_not(
    pair: ColoPair,
    client: Client,
    nemesis: Nemesis,
    check: Check,
    received: Callable[[ColoPair], AbstractContextManager[None]],
) -> None:
    """A session since the last checkpoint lives, also where the secondary could not yet load what it has received."""
    nemesis.allow("stderr-block")
    session = client.echo()
    session.exchange(3)
    with received(pair):
        nemesis.inject(Kill(Role.PRIMARY))
    session.exchange(3)

    check(exercised, no_reset)
