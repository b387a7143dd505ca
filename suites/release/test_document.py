"""The documents as they print their command lines, and the secondary's start with `-S`."""

import pytest

from colo_harness.colo.disks import Image, write_alone
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import acknowledged_explained, exercised, no_reset, nothing_lost, survivors_run
from colo_harness.judge.disks import BlocksHold
from colo_harness.judge.entering import ColoEntered
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from suites.release.contents import full_of
from suites.release.survivors import alone

WRITTEN = full_of({32: "p", 112: "q"})
AS_PRINTED = {"nic": "rtl8139", "bus": "ide", "usb": True, "waiting": True}


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000, **AS_PRINTED)
@pytest.mark.answers(within=6)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-5")
@control(sabotage="no-rewriter", checker="no_reset", on="primary")
def test_a_pair_as_printed_outlives_either_side(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """With rtl8139, IDE, USB tablet and `wait=on` a session that was opened since the start outlives either side."""
    nemesis.allow("stderr-network")  # a secondary that comes up first calls until somebody listens
    session = client.echo()
    session.exchange(3)
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    session.exchange(3)
    pair.observe_survivor("after")

    check(ColoEntered(), exercised, no_reset, nothing_lost, survivors_run)


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=60_000, document="COLO-FT", **AS_PRINTED)
@pytest.mark.answers(within=6)
@pytest.mark.regression("crash with TCG", may_fail_on="<11.0")
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-9")
def test_a_pair_as_printed_of_old_outlives_either_side(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """By docs/COLO-FT.txt sessions and records outlive one side, and records the next one, once the pair is resumed."""
    nemesis.allow("stderr-network")
    with client.echo() as session, client.log() as log:
        session.exchange(3)
        log.exchange(3)
        nemesis.inject(Kill(lost))
        pair.failover_to(lost.peer)
        session.exchange(3)
    pair.resume()
    client.log().exchange(3)
    nemesis.inject(Kill(Role.PRIMARY))
    pair.failover_to(Role.SECONDARY)
    client.read_back()

    check(exercised, no_reset, nothing_lost, acknowledged_explained)


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000, document="COLO-FT", usb=True)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-9")
@pytest.mark.regression("ac183dac96", may_fail_on="<6.2")
@control(sabotage="no-replication-child", checker="blocks_hold", on="primary-tcg")
def test_boot_sectors_set_up_as_of_old_outlive_either_side(
    pair: ColoPair, nemesis: Nemesis, check: Check, lost: Role
) -> None:
    """By docs/COLO-FT.txt a survivor runs alone, with the disk of the last checkpoint."""
    write_alone(pair, Role.PRIMARY, {32: "p", 112: "q"})
    pair.checkpoint()
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    pair.observe_survivor("after")
    Image(pair, Role.PRIMARY).blocks(WRITTEN)

    check(BlocksHold(WRITTEN, readers=1), alone(lost.peer))


@pytest.mark.topology(guest="tick", checkpoint_delay_ms=500, secondary_halted=True)
@pytest.mark.parametrize("lost", list(Role), ids=str)
@pytest.mark.claim("VAR-5")
@control(sabotage="no-promotion", checker="states_seen")
def test_a_secondary_that_was_started_halted_runs(pair: ColoPair, nemesis: Nemesis, check: Check, lost: Role) -> None:
    """A secondary that was started with `-S` runs in COLO all the same, and so does whichever side survives."""
    pair.wait_checkpoints(2)
    nemesis.inject(Kill(lost))
    pair.failover_to(lost.peer)
    pair.observe_survivor("after")

    check(ColoEntered(), alone(lost.peer))
