"""What block replication refuses, and what it says then."""

from dataclasses import dataclass
from typing import Any

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.graph import DISK, FILTER, PARENT, Node
from colo_harness.judge.blocks import CommandRefused
from colo_harness.judge.judgement import Violation
from fixtures.claims import control
from fixtures.pair import Check

START = "xen-set-replication"
SHORT = pytest.mark.disks(buffers="short")


@dataclass(frozen=True)
class Wrong:
    """A secondary's filter that is wrong in one place, and what QEMU says of it."""

    text: str
    path: tuple[str, ...] = ()
    """To the option that gets another value."""
    value: Any = None
    exported: bool = True

    def __str__(self) -> str:
        return self.text

    def spoil(self, nodes: list[Node]) -> None:
        """Set the option."""
        if self.path:
            *above, last = self.path
            node = next(node for node in nodes if node["node-name"] == FILTER)
            for name in above:
                node = node[name]
            node[last] = self.value


TOPLESS = Wrong("No top_bs or it is invalid", ("top-id",), PARENT)
WRONG = (
    TOPLESS,
    Wrong("Active disk doesn't have backing file", ("file", "backing")),
    Wrong("Hidden disk doesn't have backing file", ("file", "backing", "backing")),
    Wrong("The secondary disk doesn't have block backend", exported=False),
    pytest.param(Wrong("Active disk, hidden disk, secondary disk's length are not the same"), marks=SHORT),
)

MISSING = [
    pytest.param({}, "Parameter 'mode' is missing", id="no-mode"),
    pytest.param({"mode": "both"}, "Parameter 'mode' does not accept value 'both'", id="unknown-mode"),
    pytest.param({"mode": "secondary"}, "Missing the option top-id", id="no-top-id"),
    pytest.param({"mode": "primary", "top-id": DISK}, "does not support option top-id", id="top-id-of-a-primary"),
]


def start_wrong(disks: Disks, wrong: Wrong, *, times: int = 1) -> None:
    """Let a secondary that is wrong start so often."""
    disks.make_secondary(wrong.spoil, exported=wrong.exported)
    for _ in range(times):
        if disks.secondary.qemu.process.alive:
            disks.tell(disks.secondary, START, refusing=True, enable=True, primary=False)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.claim("BLK-14")
@pytest.mark.regression("lengths of disks")
def test_a_secondary_that_is_not_built_as_documented_is_refused(idle_disks: Disks, check: Check, wrong: Wrong) -> None:
    """The start fails, and names what is wrong."""
    start_wrong(idle_disks, wrong)

    check(CommandRefused(START, wrong.text))


@pytest.mark.claim("BLK-14")
@control(sabotage="no-buffers", checker="command_refused")
def test_what_runs_cannot_be_started(disks: Disks, check: Check) -> None:
    """A second start fails, and says that replication is running."""
    disks.tell(disks.secondary, START, refusing=True, enable=True, primary=False)

    check(CommandRefused(START, "Block replication is running or done"))


@pytest.mark.parametrize(("options", "text"), MISSING)
@pytest.mark.claim("BLK-14")
def test_a_filter_without_what_its_side_needs_is_refused(
    idle_disks: Disks, check: Check, options: dict[str, str], text: str
) -> None:
    """It is refused when it is made, and QEMU names what is wrong."""
    idle_disks.make()
    below = {"driver": "null-co", "read-zeroes": True}
    node = {"driver": "replication", "node-name": "another", "file": below, **options}
    idle_disks.tell(idle_disks.secondary, "blockdev-add", refusing=True, **node)

    check(CommandRefused("blockdev-add", text))


@pytest.mark.claim("BLK-14")
def test_what_does_not_run_is_not_stopped_or_checkpointed(idle_disks: Disks, check: Check) -> None:
    """Disks that are made and not started refuse both, and say why."""
    idle_disks.make()
    idle_disks.tell(idle_disks.secondary, "xen-set-replication", refusing=True, enable=False, primary=False)
    idle_disks.tell(idle_disks.secondary, "xen-colo-do-checkpoint", refusing=True)

    stopped = CommandRefused("xen-set-replication", "Block replication is not running")
    check(stopped, CommandRefused("xen-colo-do-checkpoint", "Backup job was cancelled unexpectedly"))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0054-second-start-aborts.md")
@pytest.mark.claim("BLK-14")
def test_a_start_that_was_refused_can_be_tried_again(idle_disks: Disks, check: Check) -> None:
    """It is refused again, for the same reason, and QEMU lives on."""
    start_wrong(idle_disks, TOPLESS, times=2)

    check(CommandRefused(START, TOPLESS.text))
