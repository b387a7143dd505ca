"""Real software in the guest, and what its clients see of the loss of a side."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.guest import PowerCycle
from colo_harness.faults.host import HostDeath
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.moments.queued import asked_alone
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    CaughtInFlight,
    StallBelow,
    exercised,
    never_both_answer,
    new_sessions_open,
    no_reset,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.bank import bank_holds
from colo_harness.judge.connections import same_connection
from colo_harness.judge.counting import counter_runs_on
from colo_harness.judge.pieces import file_whole
from colo_harness.qemu.topology import Role
from colo_harness.traffic.crowd import Crowd, exchange
from colo_harness.traffic.patron import BankKind, Patron
from fixtures.claims import control
from fixtures.pair import PLAIN_TCP, Check

UNAIDED = pytest.mark.topology(compare_timeout_ms=60_000)
"""No checkpoint comes but those that answers which differ have forced."""
BOUNDED = pytest.mark.topology(compare_timeout_ms=500, scan_cycle_ms=250)
"""Both sides draw other keys and tell another second: what one of them says alone is held no longer than that."""
Loss = Kill | Freeze | HostDeath
LOSSES = [
    Kill(Role.PRIMARY),
    Kill(Role.SECONDARY),
    *(pytest.param(loss, marks=pytest.mark.slow) for loss in (Freeze(Role.PRIMARY), HostDeath(Role.PRIMARY))),
]
LIVES = (
    exercised,
    never_both_answer,
    no_reset,
    same_connection,
    sessions_go_on,
    StallBelow(margin_s=2.5),
    survivors_run,
)
pytestmark = [
    PLAIN_TCP,
    pytest.mark.answers(within=6),
    pytest.mark.topology(guest="applications", checkpoint_delay_ms=60_000),
]


@UNAIDED
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("APP-1")
@control(sabotage="no-rewriter", checker="no_reset")
def test_redis_lives_on(pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, loss: Loss) -> None:
    """A bank in redis goes on over the connections that it has, and keeps each commit that it acknowledged."""
    pair.checkpoint()
    with Crowd([patron.bank("redis"), patron.bank("redis")]) as crowd:
        crowd.let_answer(10)
        nemesis.inject(loss)
        pair.failover_to(loss.role.peer)
        crowd.let_answer(10)
    patron.audit()
    pair.observe_survivor("after")

    check(bank_holds, *LIVES)


@UNAIDED
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("APP-2")
@control(sabotage="no-promotion", checker="no_reset")
def test_sqlite_lives_on(pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, loss: Loss) -> None:
    """A bank in SQLite goes on over the HTTP connections that it has, and keeps each commit that it acknowledged."""
    pair.checkpoint()
    with Crowd([patron.bank("sqlite"), patron.bank("sqlite")]) as crowd:
        crowd.let_answer(10)
        nemesis.inject(loss)
        pair.failover_to(loss.role.peer)
        crowd.let_answer(10)
    patron.audit()
    pair.observe_survivor("after")

    check(bank_holds, *LIVES)


@UNAIDED
@pytest.mark.parametrize("kind", ["redis", "sqlite"])
@pytest.mark.claim("APP-1")
@pytest.mark.claim("APP-2")
@control(sabotage="no-compare", checker="bank_holds")
def test_no_commit_is_acknowledged_alone(
    pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, kind: BankKind
) -> None:
    """A commit that the secondary has not heard of is not acknowledged before it has: no acknowledged one is lost."""
    bank = patron.bank(kind)
    bank.exchange(3)
    with asked_alone(pair, bank):
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
    patron.audit(patron.bank(kind))
    pair.observe_survivor("after")

    check(CaughtInFlight(("transfer",)), bank_holds, exercised, new_sessions_open, survivors_run)


@BOUNDED
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("APP-3")
@control(sabotage="no-promotion", checker="file_whole")
def test_nginx_lives_on(pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, loss: Loss) -> None:
    """A large download from nginx comes to its end, no byte lost or changed, and the next begins on its connection."""
    pair.checkpoint()
    with Crowd([patron.web()], pause=0) as crowd:
        crowd.let_answer(10)
        nemesis.inject(loss)
        pair.failover_to(loss.role.peer)
        crowd.let_answer(140)
    pair.observe_survivor("after")

    check(file_whole, *LIVES)


@BOUNDED
@pytest.mark.answers(within=8)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.claim("APP-4")
@control(sabotage="no-compare", checker="counter_runs_on")
def test_ssh_lives_on(pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, loss: Loss) -> None:
    """Somebody who has logged in by SSH looks on at a counter, and no number of it is missing or shown twice."""
    pair.checkpoint()
    with Crowd([patron.shell()]) as crowd:
        crowd.let_answer(20)
        nemesis.inject(loss)
        pair.failover_to(loss.role.peer)
        crowd.let_answer(20)
    pair.observe_survivor("after")

    check(counter_runs_on, *LIVES)


@BOUNDED
@pytest.mark.topology(reboots=True)
@pytest.mark.parametrize("loss", [LOSSES[0], pytest.param(LOSSES[1], marks=pytest.mark.slow)], ids=str)
@pytest.mark.claim("APP-5")
@control(sabotage="no-replication-child", checker="bank_holds")
def test_what_was_acknowledged_is_on_the_disk(
    pair: ColoPair, patron: Patron, nemesis: Nemesis, check: Check, loss: Kill
) -> None:
    """After the loss of one side and a power cut of the other, redis and SQLite begin anew with every commit."""
    banks = [patron.bank("redis"), patron.bank("sqlite")]
    exchange(banks, 5)
    pair.checkpoint()
    exchange(banks, 5)
    nemesis.inject(loss)
    pair.failover_to(loss.role.peer)
    nemesis.inject(PowerCycle())
    nemesis.heal()
    anew = [patron.bank("redis"), patron.bank("sqlite")]
    exchange(anew, 3)
    patron.audit(*anew)
    pair.observe_survivor("after")

    check(exercised, bank_holds, survivors_run)
