"""When checkpoints come: one delay after the other, and what a new delay changes."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.ticks import Ticks
from colo_harness.judge.pacing import DelayHonoured, NewDelayInForce
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

DELAYED = pytest.mark.topology(guest="tick", checkpoint_delay_ms=1000)
HONOURED = DelayHonoured(1.0, tolerance_s=0.45, late_s=1.5, drift_s=0.2)


@on_each_accelerator
@DELAYED
@pytest.mark.claim("CKPT-1")
@control(sabotage="no-checkpoints", checker="delay_honoured")
def test_checkpoints_come_one_delay_apart(pair: ColoPair, check: Check) -> None:
    """With nothing to force them, checkpoints start one x-checkpoint-delay after one another."""
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(HONOURED)


@on_each_accelerator
@DELAYED
@pytest.mark.claim("CKPT-1")
@control(sabotage="hasty-checkpoints", checker="delay_honoured")
def test_a_forced_checkpoint_starts_the_delay_anew(pair: ColoPair, check: Check) -> None:
    """After a checkpoint that was asked for amid a period, the next ones come a whole x-checkpoint-delay later."""
    with pair.watching():
        pair.let_checkpoints_come(1)
        Ticks(pair).work(lines=60)
        pair.checkpoint()
        pair.let_checkpoints_come(2)

    check(HONOURED)


@pytest.mark.topology(checkpoint_delay_ms=1000)
@pytest.mark.claim("CKPT-1")
@control(sabotage="hasty-checkpoints", checker="delay_honoured")
def test_divergence_starts_the_delay_anew(pair: ColoPair, client: Client, check: Check) -> None:
    """After a checkpoint that a differing answer forced, the next ones come a whole x-checkpoint-delay later."""
    differ, download = client.differ(), client.download(records=60, pause=0.01)
    with pair.watching():
        pair.let_checkpoints_come(1)
        download.exchange(60)
        differ.ask(512, at=0)
        pair.let_checkpoints_come(2)

    check(HONOURED)


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000)
@pytest.mark.claim("CKPT-2")
def test_a_shorter_delay_holds_at_once(pair: ColoPair, check: Check) -> None:
    """A shorter x-checkpoint-delay brings a checkpoint at once, and the next ones come by the new delay."""
    with pair.watching():
        pair.change_delay(1500)
        pair.let_checkpoints_come(3)

    check(NewDelayInForce())


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=300)
@pytest.mark.claim("CKPT-2")
@control(sabotage="deaf-delay", checker="new_delay_in_force")
def test_a_longer_delay_holds_at_once(pair: ColoPair, check: Check) -> None:
    """A longer x-checkpoint-delay brings a checkpoint at once, and the next ones come by the new delay."""
    with pair.watching():
        pair.let_checkpoints_come(1)
        pair.change_delay(1500)
        pair.let_checkpoints_come(3)

    check(NewDelayInForce())
