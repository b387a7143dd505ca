"""Whether the ledger is copied at all."""

import pytest
from colo_pytest.claims import control
from colo_pytest.pair import Check

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.progress import CheckpointsGoOn


@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)
@pytest.mark.parametrize("accel", ["tcg"], indirect=True)
@pytest.mark.claim("LEDGER-2")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_checkpoints_go_on(pair: ColoPair, check: Check) -> None:
    """At least three checkpoints stop and resume both hosts."""
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3))
