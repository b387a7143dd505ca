"""A guest that ends by itself, at whatever moment, and what both QEMUs make of it."""

import pytest

from colo_harness.colo import ends
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.guest import Panic, Poweroff, Reboot
from colo_harness.faults.loss import Kill, Reset
from colo_harness.faults.moments import AMID, IDLE, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import FellAt, Violation, exercised, no_reset, nothing_lost, sessions_go_on, survivors_run
from colo_harness.judge.ending import Ended, Stays
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.qemu.topology import HOSTS, Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000)
REBOOTS = pytest.mark.topology(
    reboots=True, relayed=True, checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250
)
OF_STALE_CODE = ("guest-reset", *(f"console-{what}" for what in ("panic", "oops", "bug", "trap", "trace", "stall")))
"""What a secondary's kernel may show that runs the code of its earlier boot: docs/findings/0077-stale-code.md."""
REVIVED = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0075-powered-off-runs-again.md"
)
ABORTS = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0076-stopped-guest-aborts.md")


@UNAIDED
@pytest.mark.regression("795969ab1f")
@pytest.mark.claim("END-1")
@control(sabotage="deaf-secondary", checker="ended")
@control(sabotage="stays-behind", checker="ended")
def test_a_poweroff_ends_both(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Commit 795969ab1f: neither QEMU hangs where the guest powers off long before the next checkpoint."""
    nemesis.inject(Poweroff())
    ends.see_off(pair)

    check(Ended())


@pytest.mark.topology(checkpoint_delay_ms=100)
@pytest.mark.regression("aa505f8e0e")
@pytest.mark.claim("END-1")
def test_a_poweroff_among_checkpoints_ends_both(pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Commit aa505f8e0e: no QEMU crashes whose guest powers off while one checkpoint follows the other."""
    nemesis.inject(Poweroff())
    ends.see_off(pair)

    check(Ended())


@pytest.mark.topology(relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.regression("229620d52e")
@pytest.mark.claim("END-1")
@control(sabotage="stays-behind", checker="ended")
def test_a_poweroff_amid_a_checkpoint_ends_both(pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """Commit 229620d52e: the primary ends in a checkpoint too, and the secondary as soon as it may go on."""
    with AMID.reached(pair, client):
        nemesis.inject(Poweroff())
    ends.see_off(pair)

    check(AMID.proof, Ended())


@UNAIDED
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.regression("ac183dac96")
@pytest.mark.claim("END-1")
@control(sabotage="stays-behind", checker="ended")
def test_a_survivor_ends_with_its_guest(pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role) -> None:
    """Commit ac183dac96: either survivor of a failover, alone by then, ends where its guest powers off."""
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    nemesis.inject(Poweroff(on=Role.PRIMARY))
    ends.let_end(pair, Role.PRIMARY)

    check(Ended(hosts=(HOSTS[survivor is Role.SECONDARY],)))


@REVIVED
@pytest.mark.topology(stays=True, relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("moment", [IDLE, AMID], ids=str)
@pytest.mark.claim("END-2")
@control(sabotage="ends-with-its-guest", checker="stays")
def test_what_is_powered_off_stays_so(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment
) -> None:
    """Commit 5647051f43: under -no-shutdown the checkpoint that follows, or goes on, leaves both guests stopped."""
    with moment.reached(pair, client):
        nemesis.inject(Poweroff(on=Role.PRIMARY))
    ends.attempt_checkpoint(pair)
    ends.observe_left(pair, "after")

    check(Stays("shutdown"), moment.proof)


@REBOOTS
@pytest.mark.answers(within=6)
@pytest.mark.parametrize(
    ("moment", "proof"), [(IDLE, FellAt("idle", fault=0)), (AMID, AMID.proof)], ids=["idle", "amid"]
)
@pytest.mark.regression("'colo' -> 'prelaunch'")
@pytest.mark.claim("END-3")
@control(sabotage="no-promotion", checker="no_reset")
def test_a_guest_that_reboots_comes_up_again(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment, proof: FellAt
) -> None:
    """Row 19 of the known bugs: the primary is up again, checkpointed, and goes on when the secondary is lost."""
    nemesis.allow(*OF_STALE_CODE)
    with moment.reached(pair, client):
        nemesis.inject(Reboot())
    nemesis.heal()
    pair.checkpoint()
    with client.echo() as session:
        session.exchange(3)
        nemesis.inject(Kill(Role.SECONDARY))
        pair.failover_to(Role.PRIMARY)
        session.exchange(3)
    pair.observe_survivor("after")

    check(proof, exercised, no_reset, nothing_lost, sessions_go_on, survivors_run)


@REBOOTS
@pytest.mark.needs("kvm-linux")
@pytest.mark.claim("END-3")
def test_a_guest_that_has_rebooted_is_protected_as_before(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check
) -> None:
    """Its secondary carries on with a session opened since; under TCG finding 77 decides whether its kernel lives."""
    nemesis.inject(Reboot())
    nemesis.heal()
    pair.checkpoint()
    with client.echo() as session:
        session.exchange(3)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        session.exchange(3)
    pair.observe_survivor("after")

    check(exercised, no_reset, nothing_lost, sessions_go_on, survivors_run)


@pytest.mark.topology(guest="tick", reboots=True, relayed=True, checkpoint_delay_ms=300)
@pytest.mark.parametrize(
    ("role", "message"),
    [
        pytest.param(Role.PRIMARY, Message.VMSTATE_RECEIVED, id="primary-uncommitted"),
        pytest.param(Role.PRIMARY, Message.VMSTATE_LOADED, id="primary-committed"),
        pytest.param(Role.SECONDARY, Message.VMSTATE_RECEIVED, id="secondary"),
    ],
)
@pytest.mark.regression("'colo' -> 'prelaunch'")
@pytest.mark.claim("END-3")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on")
def test_a_reset_in_the_stop_window_is_replicated_over(
    pair: ColoPair, nemesis: Nemesis, check: Check, role: Role, message: Message
) -> None:
    """Row 19, `'colo' -> 'prelaunch'`: where one side's machine is reset in run state colo, checkpoints go on."""
    pair.hold(message)
    nemesis.inject(Reset(role))
    pair.relays.checkpoint.release()
    with pair.watching():
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3))


@UNAIDED
@pytest.mark.parametrize(
    "reason", ["guest-reset", pytest.param("guest-panic", marks=pytest.mark.topology(pvpanic=True))]
)
@pytest.mark.claim("END-5")
@control(sabotage="deaf-secondary", checker="ended")
def test_a_panic_is_both_guests(pair: ColoPair, nemesis: Nemesis, check: Check, reason: str) -> None:
    """Where the kernel of one panics so does that of the other; each QEMU tells, and ends as its guest does."""
    nemesis.inject(Panic())
    ends.see_off(pair)

    check(Ended(reason))


@ABORTS
@pytest.mark.topology(pvpanic=True, stays=True, relayed=True, checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("moment", [IDLE, AMID], ids=str)
@pytest.mark.claim("END-5")
@control(sabotage="ends-with-its-guest", checker="stays")
def test_a_panicked_guest_stays_to_be_looked_at(
    pair: ColoPair, client: Client, nemesis: Nemesis, check: Check, moment: Moment
) -> None:
    """Under -no-shutdown both QEMUs keep it, also where a checkpoint follows or goes on."""
    with moment.reached(pair, client):
        nemesis.inject(Panic(on=Role.PRIMARY))
    ends.attempt_checkpoint(pair)
    ends.observe_left(pair, "after")

    check(Stays("guest-panicked"), moment.proof)
