"""Lock-step: answers that are alike pass at once, one that differs waits for a checkpoint."""

from collections.abc import Callable
from typing import Literal

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.judgement import Violation
from colo_harness.judge.lockstep import DivergenceForces, QuietAfterDivergence, SilenceBounded
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.sessions import nothing_lost
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.session import Session
from fixtures.claims import control
from fixtures.pair import Check

LOCKED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=1000, scan_cycle_ms=250)
PATIENT = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=8000, scan_cycle_ms=250)


def dialogues(client: Client) -> list[Session]:
    """Open sessions of question and answer over TCP."""
    return [client.echo(), client.http(), client.counter(), client.log()]


def transfers(client: Client) -> list[Session]:
    """Open sessions that send much in one direction over TCP."""
    return [client.download(), client.half_closed_download(), client.upload()]


def datagrams(client: Client) -> list[Session]:
    """Open sessions over UDP and ICMP."""
    return client.datagrams()


@pytest.mark.claim("PROXY-1")
@pytest.mark.parametrize(
    "sessions",
    [
        pytest.param(datagrams, marks=LOCKED),
        pytest.param(dialogues, marks=LOCKED),
        pytest.param(transfers, marks=PATIENT),  # a bare ACK of one guest alone waits for the other's next segment
    ],
    ids=lambda sessions: sessions.__name__,
)
@control(sabotage="mirror-off", checker="no_forced_checkpoint")
@control(sabotage="deaf-secondary", checker="no_forced_checkpoint")
@control(sabotage="lost-answers", checker="no_forced_checkpoint")
@control(sabotage="no-rewriter", checker="no_forced_checkpoint", on="dialogues")
@control(sabotage="rewriter-off", checker="no_forced_checkpoint", on="dialogues")
def test_equal_answers_force_nothing(
    pair: ColoPair, client: Client, check: Check, sessions: Callable[[Client], list[Session]]
) -> None:
    """Sessions opened after a checkpoint get answers that are alike, and none of them forces the next one."""
    pair.checkpoint()
    with pair.watching(), Crowd(sessions(client)) as crowd:
        crowd.work(2.5)

    check(NoForcedCheckpoint(), SilenceBounded(3, what=None), nothing_lost)


@LOCKED
@pytest.mark.claim("PROXY-1")
def test_equal_answers_of_older_sessions_force_nothing(pair: ColoPair, client: Client, check: Check) -> None:
    """Sessions that were at work before a checkpoint, and rest while it is taken, force no other one afterwards."""
    sessions = dialogues(client)
    with Crowd(sessions) as crowd:
        crowd.work(0.5)
    with Crowd([client.ping()]) as others:
        others.work(0.3)
    pair.checkpoint()
    with pair.watching(), Crowd(sessions) as crowd:
        crowd.work(2)

    check(NoForcedCheckpoint(), SilenceBounded(3, what=None), nothing_lost)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0002-guest-opens.md")
@LOCKED
@pytest.mark.claim("PROXY-1")
def test_a_connection_that_the_guest_opens_forces_nothing(pair: ColoPair, client: Client, check: Check) -> None:
    """A session that the guest opens after a checkpoint, and whose answers are alike, forces no other one."""
    pair.checkpoint()
    with pair.watching(), client.dialled() as session:
        session.exchange(20)

    check(NoForcedCheckpoint(), nothing_lost)


@PATIENT
@pytest.mark.claim("PROXY-1")
@pytest.mark.parametrize("sessions", [datagrams, dialogues], ids=lambda sessions: sessions.__name__)
def test_a_late_secondary_forces_nothing(
    pair: ColoPair, client: Client, check: Check, sessions: Callable[[Client], list[Session]]
) -> None:
    """A secondary that answers alike, but late by much less than compare_timeout, forces no checkpoint."""
    pair.checkpoint()
    opened, secondary = sessions(client), pair.vm(Role.SECONDARY)
    secondary.execute("stop")
    with pair.watching(), Crowd(opened) as crowd:
        crowd.work(0.6)
        secondary.execute("cont")
        crowd.work(0.6)

    check(NoForcedCheckpoint(), SilenceBounded(3, what=None, held_s=0.4), nothing_lost)


@PATIENT
@pytest.mark.claim("PROXY-2")
@pytest.mark.parametrize(("transport", "size"), [("tcp", 512), ("tcp", 40_000), ("udp", 512), ("icmp", 512)])
@control(sabotage="no-compare", checker="divergence_forces")
def test_a_difference_forces_a_checkpoint(
    pair: ColoPair, client: Client, check: Check, transport: Literal["tcp", "udp", "icmp"], size: int
) -> None:
    """An answer that differs in its first, a middle or its last byte waits for a checkpoint and is the primary's."""
    pair.checkpoint()
    with pair.watching(), client.differ(transport=transport, timeout=10) as session:
        with pair.settling():
            session.ask(size, at=0)
        with pair.settling():
            session.ask(size, at=size // 2)
        session.ask(size, at=size - 1)

    check(DivergenceForces(), SilenceBounded(4, what="differ"), nothing_lost)


@LOCKED
@pytest.mark.claim("PROXY-3")
@pytest.mark.parametrize("transport", ["udp", "icmp", "tcp"])
@control(sabotage="hasty-checkpoints", checker="quiet_after_divergence")
def test_one_difference_forces_no_second_checkpoint(
    pair: ColoPair, client: Client, check: Check, transport: Literal["udp", "icmp", "tcp"]
) -> None:
    """After a checkpoint that a difference forced, none follows while answers are alike, until the next difference."""
    pair.checkpoint()
    sessions = datagrams(client)
    with pair.watching(), client.differ(transport=transport) as session:
        with pair.settling():
            session.ask(512, at=511)
        with Crowd(sessions) as crowd:
            crowd.work(1.6)
        with pair.settling():
            session.ask(512, at=511)
        with Crowd(sessions) as crowd:
            crowd.work(1.6)

    check(QuietAfterDivergence(), DivergenceForces(), nothing_lost)
