"""Networks and hosts that are bad and not dead: they cost time."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.faults.impaired import BadLink
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.network import ALL_AT_ONCE, FAR, LATE, LOSS, NARROW, SPOILT, TWICE
from colo_harness.faults.partition import Partition
from colo_harness.faults.paused import Paused
from colo_harness.faults.slow import Slow
from colo_harness.history import History
from colo_harness.judge import (
    Violation,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.paws import none_outdated
from colo_harness.machine.fates import Impairment
from colo_harness.qemu.topology import Channel, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

KNOWN = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0070-summed-twice.md")
LAUNDERED = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0071-summed-anew.md")
RIGHT = (exercised, no_reset, nothing_lost, acknowledged_explained, counter_monotonic)
OFTEN, REAL = Impairment(corrupt=10), Impairment()
UNAIDED = pytest.mark.topology(compare_timeout_ms=60_000)
"""No checkpoint comes of itself, so that none can save a session whose mechanism fails."""
BRIEF = pytest.mark.topology(compare_timeout_ms=1500, scan_cycle_ms=250)
"""A frame that waits too long is found within a stretch of seconds."""
BACKED_OFF_S = 30
"""A sender doubles its timer at each loss (RFC 6298); without timestamps and SACK it may take as long, or longer."""
BACKED_OFF = pytest.mark.answers(within=BACKED_OFF_S)
pytestmark = [
    pytest.mark.matrix,
    PLAIN_TCP,
    pytest.mark.answers(within=5),
    pytest.mark.topology(checkpoint_delay_ms=60_000),
]


@UNAIDED
@pytest.mark.parametrize("fault", [BadLink("colo", FAR), BadLink("colo", NARROW), Slow(Role.SECONDARY)], ids=str)
@pytest.mark.claim("NET-4")
@control(sabotage="hasty-checkpoints", checker="no_forced_checkpoint", on="slow-secondary-10")
def test_what_is_slow_costs_time_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, fault: BadLink | Slow
) -> None:
    """With a secondary, or a way to it, that is slow, answers are right, none forces a checkpoint, and one ends."""
    with Crowd(client.asked()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(fault)
        with pair.watching():
            crowd.let_answer(8)
        pair.checkpoint()
        crowd.let_answer(3)
        nemesis.heal()
        crowd.let_answer(3)
    client.read_back()

    check(*RIGHT, NoForcedCheckpoint())


@UNAIDED
@pytest.mark.claim("NET-4")
@control(sabotage="hasty-checkpoints", checker="no_forced_checkpoint")
def test_a_secondary_that_stood_still_costs_time_alone(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """What clients ask while somebody has stopped the secondary's guest is answered then, without a checkpoint."""
    with Crowd([client.echo()]) as crowd:
        crowd.let_answer(3)
        with pair.watching():
            nemesis.inject(Paused(Role.SECONDARY))
            crowd.work(0.5)
            nemesis.heal()
            crowd.let_answer(3)
        pair.checkpoint()

    check(exercised, no_reset, nothing_lost, NoForcedCheckpoint())


@UNAIDED
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0028-behind-the-checkpoint.md")
@pytest.mark.claim("NET-4")
def test_a_checkpoint_on_a_way_that_stands_still_brings_no_other(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """While what clients say does not get to the secondary, a checkpoint that was asked for is not followed by more."""
    with Crowd([client.echo()]) as crowd:
        crowd.let_answer(3)
        with pair.watching():
            nemesis.inject(Partition(Channel.MIRROR))
            crowd.work(0.5)
            pair.checkpoint()
            crowd.work(2.5)
        nemesis.heal()
        crowd.let_answer(3)

    check(exercised, no_reset, nothing_lost, NoForcedCheckpoint(most=1))


@BACKED_OFF
@pytest.mark.tcp(options=True)
@pytest.mark.parametrize("bad", [LOSS, TWICE, LATE, SPOILT], ids=str)
@pytest.mark.claim("NET-5")
@control(sabotage="laundered-frames", checker="nothing_lost", on="corrupt-3")
def test_tcp_makes_good_what_the_network_does(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, bad: Impairment
) -> None:
    """Frames lost, doubled, late or spoilt on the clients' way harm no session."""
    sessions = client.incoming()
    pair.checkpoint()
    with Crowd(sessions, grace=BACKED_OFF_S) as crowd:
        crowd.let_answer(3)
        nemesis.inject(BadLink("client", bad))
        crowd.let_answer(25)
        nemesis.heal()
        crowd.let_answer(3)
    client.read_back()

    check(*RIGHT)


@BRIEF
@pytest.mark.parametrize("bad", [LOSS, TWICE, LATE, SPOILT], ids=str)
@pytest.mark.claim("NET-5")
@control(sabotage="hasty-checkpoints", checker="no_forced_checkpoint", on="loss-3")
def test_it_forces_no_checkpoint(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, bad: Impairment
) -> None:
    """Nor do they force a checkpoint where the guest says nothing unasked, for longer than a frame may wait."""
    sessions = client.asked()
    pair.checkpoint()
    with Crowd(sessions) as crowd:
        crowd.let_answer(3)
        nemesis.inject(BadLink("client", bad))
        with pair.watching():
            crowd.let_answer(60)
        nemesis.heal()
        crowd.let_answer(3)

    check(exercised, no_reset, nothing_lost, NoForcedCheckpoint())


@pytest.mark.tcp(options=True)
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0014-retransmission-overtakes.md")
@pytest.mark.claim("NET-5")
def test_what_is_sent_again_overtakes_nothing(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, nemesis: Nemesis, check: Check
) -> None:
    """What is sent again of a download reaches the client behind what was sent before, though the secondary lags."""
    secondary, download = pair.vm(Role.SECONDARY), client.download()
    pair.checkpoint()
    with Crowd([download]) as crowd:
        crowd.let_answer(10)
        secondary.execute("stop")
        crowd.work(0.5)
        secondary.execute("cont")
        crowd.let_answer(20)
        nemesis.inject(BadLink("client", Impairment(loss=10)))
        crowd.work(2)
        nemesis.heal()
        crowd.let_answer(3)
    wiretap.record(history)

    check(exercised, no_reset, nothing_lost, none_outdated)


@BACKED_OFF
@pytest.mark.tcp(options=True)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("NET-5")
def test_so_it_does_across_a_failover(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """On such a network sessions that a checkpoint has seen outlive either side, and every answer is right."""
    sessions = client.incoming()
    pair.checkpoint()
    with Crowd(sessions, grace=BACKED_OFF_S) as crowd:
        crowd.let_answer(3)
        nemesis.inject(BadLink("client", ALL_AT_ONCE))
        crowd.let_answer(5)
        nemesis.inject(Kill(lost))
        pair.failover_to(lost.peer)
        crowd.let_answer(8)
        nemesis.heal()
    client.read_back()
    pair.observe_survivor("after")

    check(*RIGHT, sessions_go_on, survivors_run)


@UNAIDED
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(REAL, marks=[KNOWN], id="offloading"),
        pytest.param(REAL, marks=pytest.mark.topology(offloads=False), id="summing"),
        pytest.param(OFTEN, marks=[pytest.mark.topology(offloads=False), LAUNDERED], id="summing-and-spoilt"),
    ],
)
@pytest.mark.claim("NET-7")
@control(sabotage="no-rewriter", checker="no_reset", on="summing")
def test_a_rewritten_session_has_right_sums(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, bad: Impairment
) -> None:
    """A session that the rewriter alone saves goes on over a real link, and over one that spoils what it carries."""
    pair.checkpoint()
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(3)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        nemesis.inject(BadLink("client", bad))
        crowd.let_answer(10)
        nemesis.heal()

    check(exercised, no_reset, nothing_lost, sessions_go_on)
