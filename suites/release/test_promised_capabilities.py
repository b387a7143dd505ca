"""The migration capabilities that a release's document switches on, on either side."""

from dataclasses import replace

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.entering import ColoEntered
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import Topology
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator


@pytest.fixture
def topology(topology: Topology, promises: Promises) -> Topology:
    """Return a topology with the capabilities that are promised to be enough."""
    return replace(topology, capabilities=(promises.capabilities["primary"], promises.capabilities["secondary"]))


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000)
@pytest.mark.claim("CON-2")
@pytest.mark.regression("0b5bf4ea76")
@control(sabotage="no-colo", checker="colo_entered")
def test_they_are_enough(idle_pair: ColoPair, check: Check) -> None:
    """With what each document switches on, and nothing else, a pair enters COLO."""
    idle_pair.attempt_start()

    check(ColoEntered())
