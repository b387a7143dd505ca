"""How a pair starts and what it says of itself."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.entering import ColoEntered
from colo_harness.judge.lifecycle import StatesSeen
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

ON_TICKS = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)
RUNNING = {"status": "running", "running": True}
ALONE = {"mode": "none", "last-mode": "none", "reason": "none"}
BEFORE = {
    ("host_a", "query-status", "before"): {"running": False},
    ("host_a", "query-colo-status", "before"): ALONE,
    ("host_b", "query-status", "before"): {"status": "inmigrate", "running": False},
    ("host_b", "query-colo-status", "before"): ALONE,
}
WITHIN = {
    ("host_a", "query-colo-status", "in"): {"mode": "primary", "last-mode": "none", "reason": "none"},
    ("host_a", "query-migrate", "in"): {"status": "colo"},
    ("host_b", "query-colo-status", "in"): {"mode": "secondary", "last-mode": "none", "reason": "none"},
    ("host_b", "query-migrate", "in"): {"status": "colo"},
}


def after(host: str, role: Role) -> dict[tuple[str, str, str], object]:
    """Return what `host`, which had `role`, says once it runs alone."""
    colo = {"mode": "none", "last-mode": str(role), "reason": "request"}
    return {
        (host, "query-status", "after"): RUNNING,
        (host, "query-colo-status", "after"): colo,
        (host, "query-migrate", "after"): {"status": "completed"},
    }


@pytest.mark.smoke
@pytest.mark.claim("LIFE-1")
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.regression("gitlab #2277")
@control(sabotage="no-colo", checker="colo_entered")
def test_documented_start_enters_colo(idle_pair: ColoPair, check: Check) -> None:
    """Started in the documented order, a pair of Linux guests goes through the documented states into COLO."""
    idle_pair.attempt_start()

    check(ColoEntered())


@on_each_accelerator
@ON_TICKS
@pytest.mark.claim("LIFE-1")
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.regression("Check that colo-compare is active")
@control(sabotage="no-colo", checker="colo_entered")
def test_boot_sectors_enter_colo(idle_pair: ColoPair, check: Check) -> None:
    """Started in the documented order, a pair of boot sectors goes through the documented states into COLO."""
    idle_pair.attempt_start()

    check(ColoEntered())


@on_each_accelerator
@ON_TICKS
@pytest.mark.claim("LIFE-3")
@pytest.mark.regression("crash with TCG")
@pytest.mark.regression("0393031a16")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_checkpoints_go_on(pair: ColoPair, check: Check) -> None:
    """At least three checkpoints stop and resume both sides, and both guests make progress after each."""
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3))


@on_each_accelerator
@ON_TICKS
@pytest.mark.topology(machine="q35")
@pytest.mark.claim("LIFE-3")
@pytest.mark.regression("AHCI")
def test_checkpoints_go_on_with_an_ahci_disk(pair: ColoPair, check: Check) -> None:
    """So they do on a q35, whose AHCI controller takes over its state again and again."""
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3))


@on_each_accelerator
@ON_TICKS
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("LIFE-2")
@pytest.mark.regression("2b9f6bf36c")
@control(sabotage="no-promotion", checker="states_seen")
def test_states_are_as_documented(pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role) -> None:
    """Each side's states are as documented before COLO, in it, and where one side carries on alone."""
    host = pair.host(survivor)
    pair.observe("in")
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    pair.observe("after")

    check(StatesSeen({**BEFORE, **WITHIN, **after(host, survivor)}))
