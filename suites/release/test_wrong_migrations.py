"""Migrations that COLO cannot be made of, and one that is cancelled."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments import IN_FIRST_PASS
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import History
from colo_harness.judge import StatesSeen, Violation
from colo_harness.judge.entering import StartRefused
from colo_harness.judge.refusals import EachRefused
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check
from suites.release.mistakes import let_migration_end

STUCK = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0109-cancelled-for-ever.md")
SWITCHES = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0110-postcopy-aborts-the-secondary.md"
)
POSTCOPY = ("return-path", "x-colo", "postcopy-ram")
RUNNING: dict[tuple[str, str, str], object] = {
    ("host_a", "query-status", "after"): {"status": "running", "running": True}
}
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)


@pytest.fixture
def nemesis(idle_pair: ColoPair, history: History) -> Nemesis:
    """Return the nemesis of a pair that is still to be started."""
    return Nemesis(idle_pair, history)


@STUCK
@pytest.mark.claim("ERR-11")
def test_a_primary_that_cancels_is_alone(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Its guest runs on, and its migration comes to an end, so that it can be protected again."""
    nemesis.allow("colo-exit-error", "stderr-migration")
    pair.vm(Role.PRIMARY).attempt("migrate_cancel")
    pair.let_notice(Role.PRIMARY)
    let_migration_end(pair)
    pair.observe("after")

    check(StatesSeen({**RUNNING, ("host_a", "query-migrate", "after"): {"status": "cancelled"}}))


@pytest.mark.topology(discards=True)
@pytest.mark.claim("ERR-12")
@control(sabotage="no-discards", checker="start_refused")
def test_memory_that_may_be_given_back_is_refused(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """A secondary whose guest has a virtio-mem device says that COLO cannot have it, and the primary's guest runs."""
    nemesis.allow("exit-status", "migration-failed", "stderr")
    idle_pair.attempt_start()
    let_migration_end(idle_pair)
    idle_pair.vm(Role.PRIMARY).attempt("cont")
    idle_pair.observe("after")

    check(StartRefused("COLO: cannot disable RAM discard"), StatesSeen(RUNNING))


@SWITCHES
@pytest.mark.topology(capabilities=(POSTCOPY, POSTCOPY))
@pytest.mark.claim("ERR-12")
def test_postcopy_is_refused(idle_pair: ColoPair, check: Check) -> None:
    """It does not go together with x-colo, and QEMU says so when it is set."""
    idle_pair.attempt_start()

    check(StartRefused("postcopy"))


@SWITCHES
@pytest.mark.topology(capabilities=(POSTCOPY, POSTCOPY))
@pytest.mark.claim("ERR-12")
def test_a_switch_to_postcopy_is_refused(idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """On the way into COLO the primary does not let the migration become another one, and neither side dies."""
    nemesis.allow("migration-failed", "stderr-migration")
    with IN_FIRST_PASS.reached(idle_pair, client):
        idle_pair.vm(Role.PRIMARY).attempt("migrate-start-postcopy")
        let_migration_end(idle_pair)

    check(EachRefused("migrate-start-postcopy", ("",)))
