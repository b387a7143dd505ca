"""How COLO ends, and what each side says of it."""

import pytest

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.parting import part_ways
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import ColoExit, LossTold, StatesSeen, Violation
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import Thread
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator

ON_TICKS = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)
HELD_TICKS = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500, relayed=True)
LATE = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0007-loss-noticed-late.md")
KNOWN = pytest.mark.xfail(
    strict=True, raises=Violation, reason="finding: docs/findings/0005-requested-exit-says-error.md"
)
HOSTS = {Role.PRIMARY: "host_a", Role.SECONDARY: "host_b"}


def alone(role: Role) -> dict[tuple[str, str, str], object]:
    """Return what the host that had `role` says once it runs alone."""
    colo = {"mode": "none", "last-mode": str(role), "reason": "request"}
    return {
        (HOSTS[role], "query-status", "after"): {"status": "running", "running": True},
        (HOSTS[role], "query-colo-status", "after"): colo,
        (HOSTS[role], "query-migrate", "after"): {"status": "completed"},
    }


@on_each_accelerator
@ON_TICKS
@pytest.mark.needs("realtime")
@pytest.mark.parametrize("ahead", ["main", pytest.param("colo", marks=KNOWN)])
@pytest.mark.parametrize("first", list(Role), ids=str)
@pytest.mark.claim("LIFE-4")
@pytest.mark.regression("684bfd1820")
@control(sabotage="cut-stream", checker="colo_exit", on="secondary-main-tcg")
def test_each_side_says_once_why_colo_ended(
    pair: ColoPair, nemesis: Nemesis, check: Check, first: Role, ahead: Thread
) -> None:
    """The side that is asked to carry on exits by request, its healthy peer by the stream's end; each tells once."""
    nemesis.allow("colo-exit-error", "stderr-nbd", "stderr-migration")
    pair.vm(first).favour(ahead, "colo" if ahead == "main" else "main")
    part_ways(pair, first)
    pair.observe("after")

    exits = {HOSTS[first]: (str(first), {"request"}), HOSTS[first.peer]: (str(first.peer), {"error"})}
    check(ColoExit(exits), StatesSeen({**alone(first), **alone(first.peer)}))


@on_each_accelerator
@HELD_TICKS
@pytest.mark.parametrize("held", [Message.VMSTATE_RECEIVED, Message.VMSTATE_LOADED], ids=["uncommitted", "committed"])
@pytest.mark.parametrize("first", list(Role), ids=str)
@pytest.mark.claim("LIFE-4")
@control(sabotage="no-promotion", checker="states_seen")
def test_each_side_may_leave_in_the_stop_window(
    pair: ColoPair, nemesis: Nemesis, check: Check, first: Role, held: Message
) -> None:
    """Asked while a checkpoint stands still on a healthy stream, each side ends COLO, tells it once and runs alone."""
    nemesis.allow("colo-exit-error", "stderr-nbd", "stderr-migration", "stderr-network")
    pair.hold(held)
    part_ways(pair, first)
    pair.observe("after")

    exits = {host: (str(role), {"request", "error"}) for role, host in HOSTS.items()}
    check(ColoExit(exits), StatesSeen({**alone(first), **alone(first.peer)}))


@on_each_accelerator
@ON_TICKS
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("LIFE-4")
@control(sabotage="no-promotion", checker="states_seen")
def test_a_survivor_says_once_that_colo_ended(pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role) -> None:
    """The survivor of a killed peer tells exactly once that COLO ended, and then runs alone."""
    nemesis.inject(Kill(survivor.peer))
    pair.failover_to(survivor)
    pair.observe("after")

    exits = {HOSTS[survivor]: (str(survivor), {"request", "error"})}
    check(ColoExit(exits), StatesSeen(alone(survivor)))


@on_each_accelerator
@pytest.mark.topology(guest="tick", relayed=True)
@pytest.mark.parametrize(
    ("survivor", "held"),
    [
        pytest.param(Role.SECONDARY, Message.VMSTATE_LOADED, id="secondary"),
        pytest.param(Role.PRIMARY, Message.VMSTATE_RECEIVED, id="primary-uncommitted"),
        pytest.param(Role.PRIMARY, Message.VMSTATE_LOADED, id="primary-committed", marks=LATE),
    ],
)
@pytest.mark.claim("LIFE-4")
def test_a_peer_that_dies_while_awaited_is_told_at_once(
    pair: ColoPair, nemesis: Nemesis, check: Check, survivor: Role, held: Message
) -> None:
    """A side that waits for its peer's next message tells of the peer's death at once."""
    pair.hold(held)
    nemesis.inject(Kill(survivor.peer))
    pair.let_notice(survivor)

    check(LossTold(HOSTS[survivor], within_s=1.0))
