"""What becomes of a start with other migration capabilities than those that both sides want."""

import pytest

from colo_harness.colo.ends import let_end
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import History
from colo_harness.judge import ColoExit, StatesSeen, Violation, failover_completed
from colo_harness.judge.entering import ColoEntered, StartRefused
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check

NONE, COLO, BOTH = (), ("x-colo",), ("return-path", "x-colo")
RETURN_PATH = ("return-path",)
MULTIFD, SNAPSHOT = (*BOTH, "multifd"), (*BOTH, "background-snapshot")
KNOWN = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0090-x-colo-on-one-side.md")
ALONE = {
    ("host_a", "query-status", "after"): {"status": "running", "running": True},
    ("host_a", "query-colo-status", "after"): {"mode": "none", "last-mode": "primary", "reason": "request"},
}
pytestmark = pytest.mark.topology(guest="tick", checkpoint_delay_ms=500)


@pytest.fixture
def nemesis(idle_pair: ColoPair, history: History) -> Nemesis:
    """Return the nemesis of a pair that is still to be started."""
    return Nemesis(idle_pair, history)


@pytest.mark.topology(capabilities=(BOTH, BOTH))
@pytest.mark.claim("REG-1")
@pytest.mark.regression("ftctl 362")
@control(sabotage="no-colo", checker="colo_entered")
def test_a_return_path_is_no_obstacle(idle_pair: ColoPair, check: Check) -> None:
    """With return-path and x-colo on both sides a pair enters COLO: the return path does not eat COLO's messages."""
    idle_pair.attempt_start()

    check(ColoEntered())


@pytest.mark.topology(capabilities=(MULTIFD, MULTIFD), deferred=True)
@pytest.mark.claim("REG-1")
@pytest.mark.regression("dd67c149e2")
@control(sabotage="no-colo", checker="colo_entered")
def test_multifd_is_no_obstacle(idle_pair: ColoPair, check: Check) -> None:
    """With multifd as well it does so too, and takes a checkpoint."""
    idle_pair.attempt_start()
    idle_pair.let_checkpoints_come(1)

    check(ColoEntered())


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            "Capability 'x-colo' requires capability 'return-path'",
            marks=[
                pytest.mark.topology(capabilities=(COLO, COLO)),
                pytest.mark.regression("ftctl 362"),
            ],
            id="return-path-missing",
        ),
        pytest.param(
            "Background-snapshot is not compatible with",
            marks=[pytest.mark.topology(capabilities=(SNAPSHOT, BOTH)), pytest.mark.needs("userfaultfd")],
            id="background-snapshot",
        ),
    ],
)
@pytest.mark.claim("REG-2")
@pytest.mark.regression("migrate_caps_check")
@control(sabotage="wanted-capabilities", checker="start_refused")
def test_capabilities_that_do_not_go_together_are_refused(idle_pair: ColoPair, check: Check, words: str) -> None:
    """They are refused when they are set, in words that name them."""
    idle_pair.attempt_start()

    check(StartRefused(words))


@pytest.mark.topology(capabilities=(BOTH, RETURN_PATH))
@pytest.mark.claim("REG-3")
@control(sabotage="no-promotion", checker="states_seen")
def test_a_primary_alone_in_colo_goes_on(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Where the secondary lacks x-colo the primary tells that COLO ended, and its guest goes on when it is told to."""
    nemesis.allow("colo-exit-error", "stderr-nbd", "stderr-migration")
    idle_pair.attempt_start()
    idle_pair.attempt_failover(Role.PRIMARY)
    idle_pair.observe_survivor("after")

    check(ColoExit({"host_a": ("primary", {"error"})}), failover_completed, StatesSeen(ALONE))


@KNOWN
@pytest.mark.topology(capabilities=(BOTH, RETURN_PATH))
@pytest.mark.claim("REG-3")
@pytest.mark.regression("x-colo capability is not set")
def test_a_secondary_without_x_colo_says_so(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """It refuses the primary's stream, and names what it lacks."""
    nemesis.allow("colo-exit-error", "exit-status", "migration-failed", "stderr")
    idle_pair.attempt_start()

    check(StartRefused("x-colo capability is not set"))


@KNOWN
@pytest.mark.topology(capabilities=(NONE, BOTH))
@pytest.mark.claim("REG-3")
def test_a_secondary_alone_in_colo_lives(idle_pair: ColoPair, nemesis: Nemesis, check: Check) -> None:
    """Where the primary has no capability at all the secondary is none, and does not die of it."""
    nemesis.allow("colo-exit-error", "stderr-migration")
    idle_pair.attempt_start()
    let_end(idle_pair, Role.SECONDARY)

    check(StartRefused("cannot enter COLO any more"))
