"""What becomes of the clients' sessions when the primary is lost."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    Opened,
    StallBelow,
    Violation,
    acknowledged_explained,
    counter_monotonic,
    exercised,
    never_both_answer,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
)
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd, exchange, finish
from fixtures.claims import control
from fixtures.pair import Check

UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000)
"""No checkpoint comes of itself, so that none can save a session whose mechanism fails."""
LIVES = (never_both_answer, no_reset, nothing_lost, StallBelow(margin_s=2.5), survivors_run)
pytestmark = pytest.mark.answers(within=6)


@UNAIDED
@pytest.mark.smoke
@pytest.mark.claim("FT-1")
@control(sabotage="no-rewriter", checker="no_reset")
@control(sabotage="rewriter-off", checker="no_reset")
def test_sessions_opened_since_the_checkpoint_live_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Busy sessions of every kind, opened since the last checkpoint, outlive the primary and lose nothing."""
    pair.checkpoint()
    with Crowd(client.incoming()) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(10)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, Opened("after"), sessions_go_on, acknowledged_explained, counter_monotonic, *LIVES)


@UNAIDED
@pytest.mark.topology(offloads=False)
@pytest.mark.claim("FT-1")
def test_sessions_live_on_whose_guest_sums_for_itself(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """So they do where the NIC sums nothing for the guest, and each rewritten packet needs the rewriter's checksum."""
    pair.checkpoint()
    with Crowd([client.echo(), client.download(), client.upload()]) as crowd:
        crowd.let_answer(10)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(10)
    pair.observe_survivor("after")

    check(exercised, Opened("after"), sessions_go_on, *LIVES)


@UNAIDED
@pytest.mark.parametrize("since", [0, 10], ids=["silent-since", "busy-since"])
@pytest.mark.claim("FT-2")
@control(sabotage="no-promotion", checker="no_reset")
def test_sessions_older_than_the_checkpoint_live_on(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, since: int
) -> None:
    """Sessions of every kind that are older than the last checkpoint outlive the primary and lose nothing."""
    sessions = client.incoming()
    exchange(sessions, 10)
    pair.checkpoint()
    exchange(sessions, since)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(sessions, 10)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, Opened("before"), sessions_go_on, acknowledged_explained, counter_monotonic, *LIVES)


@UNAIDED
@pytest.mark.claim("FT-3")
@control(sabotage="no-promotion", checker="new_sessions_open")
def test_new_sessions_open_beside_tracked_ones(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """New sessions open after promotion where the rewriter tracks sessions opened since the last checkpoint."""
    pair.checkpoint()
    exchange(client.incoming(), 5)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(client.everything(), 10)
    pair.observe_survivor("after")

    check(exercised, Opened("after"), new_sessions_open, *LIVES)


@UNAIDED
@pytest.mark.claim("FT-3")
@control(sabotage="no-promotion", checker="new_sessions_open")
def test_new_sessions_open_where_none_was_opened_since(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """New sessions open after promotion, though none was opened since the last checkpoint."""
    exchange(client.incoming(), 5)
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(client.everything(), 10)
    pair.observe_survivor("after")

    check(exercised, Opened("before"), new_sessions_open, *LIVES)


@UNAIDED
@pytest.mark.claim("FT-3")
def test_new_sessions_find_a_silent_guest(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """New sessions open after promotion, though no session is left by which the network could learn of the move."""
    with client.echo() as session:
        session.exchange(5)
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(client.everything(), 10)
    pair.observe_survivor("after")

    check(exercised, Opened("before"), new_sessions_open, *LIVES)


@UNAIDED
@pytest.mark.claim("FT-4")
@control(sabotage="no-rewriter", checker="no_reset")
@control(sabotage="no-promotion", checker="no_reset")
def test_half_closed_sessions_come_to_their_end(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Sessions opened since the checkpoint, half-closed before the loss or after it, come to their ordinary end."""
    pair.checkpoint()
    sessions = [
        client.half_closed_download(records=200),
        client.echo(),
        client.upload(),
        client.download(records=200),
    ]
    exchange(sessions, 10)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    finish(sessions)
    pair.observe_survivor("after")

    check(exercised, Opened("after"), *LIVES)


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250)
@pytest.mark.claim("FT-4")
@control(sabotage="no-promotion", checker="no_reset")
def test_sessions_that_the_guest_opened_live_on(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Sessions that the guest opened outlive the primary once a checkpoint has seen them."""
    sessions = [client.dialled(), client.dialled()]
    exchange(sessions, 10)
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange(sessions, 10)
    finish(sessions)
    pair.observe_survivor("after")

    check(exercised, Opened("before"), sessions_go_on, *LIVES)


@UNAIDED
@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0003-guest-opened-sessions-die.md")
@pytest.mark.claim("FT-4")
def test_sessions_that_the_guest_opens_need_no_checkpoint(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """A session that the guest opened since the last checkpoint outlives the primary."""
    pair.checkpoint()
    exchange([client.echo()], 5)
    session = client.dialled(eager=True)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    exchange([session], 5)
    pair.observe_survivor("after")

    check(exercised, Opened("after"), *LIVES)


@pytest.mark.claim("FT-8")
@control(sabotage="no-promotion", checker="no_reset")
def test_64_sessions_at_once(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Of 64 busy sessions over TCP, HTTP, UDP and ICMP, all go on, and none over TCP loses anything."""
    with Crowd(client.mixed(64), pause=0.2) as crowd:
        crowd.let_answer(5)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(5)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, sessions_go_on, acknowledged_explained, counter_monotonic, *LIVES)
