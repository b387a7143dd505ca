"""A different release on each host: two whose COLO differs form no pair."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab, open_lab
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import StatesSeen, Violation
from colo_harness.judge.entering import FailedOnBoth
from colo_harness.qemu.release import STRANGERS
from colo_harness.qemu.topology import HOSTS, Role, Topology
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

SERVES_ON = StatesSeen({("host_a", "query-status", "after"): {"status": "running", "running": True}})
COMPLETES = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0101-an-older-secondary-completes.md"
)


@pytest.fixture
def lab(lab: Lab, artifacts: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Return a lab whose hosts have two releases, the newer one on the host of the role that the test names."""
    (artifacts / "stranger").mkdir()
    name, run_dir = STRANGERS[lab.contract.return_path], artifacts / "stranger"
    newer_is_first = request.param == Role.PRIMARY
    with open_lab(replace(lab.settings, qemu=None, release=name, run_dir=run_dir), lab.around.guardian) as stranger:
        yield replace(lab, others={HOSTS[newer_is_first is lab.contract.return_path]: stranger})


@pytest.fixture
def topology(topology: Topology, lab: Lab) -> Topology:
    """Return a topology with the mainboard of the older release: `pc` is another one in each."""
    older = next(one for one in (lab, *lab.others.values()) if not one.contract.return_path)
    return replace(topology, machine=older.contract.machine)


@on_each_accelerator
@pytest.mark.parametrize("lab", [Role.SECONDARY, pytest.param(Role.PRIMARY, marks=COMPLETES)], ids=str, indirect=True)
@pytest.mark.needs("stranger")
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)
@pytest.mark.claim("CON-3")
@pytest.mark.regression("two versions")
@control(sabotage="same-release", checker="failed_on_both")
def test_no_pair_is_formed(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Whichever side has the newer one, the start fails on both, and the primary's guest goes on when it is told to."""
    nemesis.allow("colo-exit-error", "exit-status", "migration-failed", "stderr")
    idle_pair.attempt_start()
    idle_pair.attempt_failover(Role.PRIMARY)
    idle_pair.observe_survivor("after")

    check(FailedOnBoth(), SERVES_ON)
