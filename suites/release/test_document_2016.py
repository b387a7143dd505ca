"""The procedure of 2016, step by step: no proxy, periodic checkpoints alone."""

import pytest

from colo_harness.colo.disks import Image, write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import (
    Violation,
    acknowledged_explained,
    exercised,
    no_reset,
    nothing_lost,
    survivors_run,
)
from colo_harness.judge.disks import BlocksHold, disk_answers
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check, micro_on_each_accelerator, on_each_accelerator
from suites.release.contents import full_of
from suites.release.survivors import alone

NO_COMMIT = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0079-nothing-held-back.md")
WRITTEN = full_of({32: "p", 112: "q"})
OF_2016 = {"document": "2016", "raw": True, "bus": "virtio", "cpus": 2, "usb": True}


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500, **OF_2016)
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("VAR-2")
@control(sabotage="no-promotion", checker="states_seen")
def test_a_pair_replicates_and_fails_over(pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role) -> None:
    """By the commands of 2016 a pair enters COLO, does checkpoints, and either side goes on alone."""
    with pair.watching():
        pair.let_checkpoints_come(4)
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    pair.observe("after")

    check(CheckpointsGoOn(3), alone(survivor))


@pytest.mark.topology(checkpoint_delay_ms=60_000, **OF_2016)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("VAR-3")
@pytest.mark.regression("crash with TCG", may_fail_on="<11.0")
@control(sabotage="no-replication-child", checker="acknowledged_explained", on="secondary")
def test_what_a_checkpoint_has_taken_outlives_either_side(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, survivor: Role
) -> None:
    """Records on the disk and sessions that were idle since the last checkpoint go on, and new sessions are served."""
    log, idle = client.log(), client.echo("idle")
    log.exchange(5)
    idle.exchange(3)
    pair.checkpoint()
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    idle.exchange(3)
    client.echo("new").exchange(3)
    client.read_back()
    pair.observe_survivor("after")

    check(exercised, no_reset, nothing_lost, acknowledged_explained, disk_answers, survivors_run)


@micro_on_each_accelerator
@pytest.mark.topology(guest="micro", checkpoint_delay_ms=60_000, **OF_2016)
@pytest.mark.answers(within=6)
@pytest.mark.claim("VAR-3")
@control(sabotage="no-replication-child", checker="blocks_hold")
def test_a_bare_guest_serves_on(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """One that a poor KVM runs too answers an idle session and a new one, and has the disk of the last checkpoint."""
    idle = client.udp_echo("idle")
    idle.exchange(3)
    write_alone(pair, Role.PRIMARY, {32: "p", 112: "q"})
    pair.checkpoint()
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    idle.exchange(3)
    client.udp_echo("new").exchange(3)
    pair.observe_survivor("after")
    Image(pair, Role.PRIMARY).blocks(WRITTEN)

    check(exercised, nothing_lost, survivors_run, BlocksHold(WRITTEN, readers=1))


@NO_COMMIT
@pytest.mark.topology(checkpoint_delay_ms=60_000, **OF_2016)
@pytest.mark.answers(within=6)
@pytest.mark.claim("VAR-4")
@pytest.mark.regression("crash with TCG", may_fail_on="<11.0")
@control(sabotage="no-promotion", checker="no_reset")
def test_busy_sessions_outlive_the_primary(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """A client whose session was busy since the last checkpoint does not detect that its primary was lost."""
    session, log = client.echo(), client.log()
    session.exchange(3)
    pair.checkpoint()
    session.exchange(3)
    log.exchange(3)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    session.exchange(3)
    client.read_back()

    check(exercised, no_reset, acknowledged_explained)
