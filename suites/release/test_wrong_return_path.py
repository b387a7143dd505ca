"""The return path is on where a release wants it off, or off where it wants it on."""

from dataclasses import replace

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import History
from colo_harness.judge import StatesSeen
from colo_harness.judge.entering import StartRefused
from colo_harness.qemu.topology import Role, Topology
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from suites.release.mistakes import let_migration_end

RUNS = StatesSeen({("host_a", "query-status", "after"): {"status": "running", "running": True}})
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)


@pytest.fixture
def topology(topology: Topology, lab: Lab) -> Topology:
    """Return the test's topology with the capabilities of another release."""
    others = ("x-colo",) if lab.contract.return_path else ("return-path", "x-colo")
    return replace(topology, capabilities=(others, others))


@pytest.fixture
def nemesis(idle_pair: ColoPair, history: History) -> Nemesis:
    """Return the nemesis of a pair that is still to be started."""
    return Nemesis(idle_pair, history)


@on_each_accelerator
@pytest.mark.claim("ERR-12")
@control(sabotage="wanted-capabilities", checker="start_refused")
def test_another_releases_return_path_is_refused(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """The pair does not enter COLO, and the primary's guest runs on."""
    nemesis.allow("colo-exit-error", "exit-status", "migration-failed", "stderr")
    idle_pair.attempt_start()
    let_migration_end(idle_pair)
    idle_pair.vm(Role.PRIMARY).attempt("cont")
    idle_pair.observe("after")

    check(StartRefused(""), RUNS)
