"""The loss of a side of a bare-metal guest, whose sessions are datagrams: it runs also under the poorest KVM."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.moments import DATAGRAMS_QUEUED
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    Opened,
    StallBelow,
    Violation,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    failover_completed,
    never_both_answer,
    no_reset,
    nothing_lost,
    output_committed,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check, micro_on_each_accelerator, micro_on_kvm

SOUND = (exercised, nothing_lost, output_committed, counter_monotonic, failover_completed, survivors_run)
LIVES = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic, survivors_run)
UNAIDED = pytest.mark.topology(guest="micro", checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
pytestmark = [pytest.mark.release, pytest.mark.answers(within=1), UNAIDED]
unwritten = pytest.mark.topology(rewriter=False)
"""Nothing rewrites numbers: datagrams need none."""
losses = pytest.mark.parametrize("loss", [Kill(Role.PRIMARY), Kill(Role.SECONDARY)], ids=str)


@micro_on_each_accelerator
@losses
@unwritten
@pytest.mark.claim("FT-9")
@control(sabotage="no-promotion", checker="sessions_go_on", on="kill-primary-tcg")
def test_datagrams_go_on(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill) -> None:
    """Echoes, counts and pings are answered by the survivor, though no rewriter is there."""
    pair.checkpoint()
    with Crowd(client.datagrams()) as crowd:
        crowd.let_answer(10)
        nemesis.inject(loss)
        pair.failover_to(loss.role.peer)
        crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    check(sessions_go_on, never_both_answer, *SOUND)


@micro_on_kvm
@losses
@unwritten
@pytest.mark.claim("OUT-1")
@control(sabotage="no-compare", checker="output_committed", on="kill-primary-tcg")
@control(sabotage="no-compare", checker="output_committed", on="kill-primary-kvm")
def test_nobody_is_told_a_count_that_the_secondary_has_not_heard_of(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, loss: Kill
) -> None:
    """Counts that wait for a secondary which lags are explained by the survivor, whichever it is."""
    with DATAGRAMS_QUEUED.reached(pair, client):
        nemesis.inject(loss)
        pair.attempt_failover(loss.role.peer)
    client.read_back()
    pair.observe_survivor("after")

    check(DATAGRAMS_QUEUED.proof, *SOUND)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0080-obeyed-twice.md")
@micro_on_kvm
@pytest.mark.topology(compare_timeout_ms=1000, scan_cycle_ms=250)
@pytest.mark.answers(within=5)
@pytest.mark.claim("OUT-1")
def test_what_was_counted_once_is_not_counted_again(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A count that a lagging secondary gets by a checkpoint is the survivor's count, and no more."""
    counter = client.counter(transport="udp")
    counter.exchange(3)
    pair.vm(Role.SECONDARY).execute("stop")
    counter.exchange(1)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.read_back()
    pair.observe_survivor("after")

    check(*SOUND)


@micro_on_kvm
@pytest.mark.answers(within=4)
@pytest.mark.claim("FT-1")
@pytest.mark.regression("5a2d9929ac", may_fail_on="<6.1")
@control(sabotage="no-rewriter", checker="no_reset", on="tcg")
@control(sabotage="no-rewriter", checker="no_reset", on="kvm")
def test_sessions_opened_since_the_checkpoint_live_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Busy sessions over TCP, opened since the last checkpoint, outlive the primary and lose nothing."""
    pair.checkpoint()
    with Crowd([client.echo(), client.counter()]) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    check(Opened("after"), sessions_go_on, never_both_answer, StallBelow(margin_s=2.5), *LIVES)
