"""Disks that are broken in one place on purpose: what a claim's control runs on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from colo_harness.blocks.guest import CLUSTER
from colo_harness.errors import UsageError

if TYPE_CHECKING:
    from colo_harness.blocks.bench import Disks
    from colo_harness.blocks.graph import Design


@dataclass(frozen=True)
class Sabotage:
    """One deliberate defect of a bench's set-up; the test that runs on it is the claim's own."""

    name: str
    breaks: str
    """One sentence: what is broken, and how a sound bench differs."""
    design: Mapping[str, Any] = field(default_factory=dict)
    """What replaces fields of the test's design."""
    instead: Mapping[str, "Callable[[Disks], None]"] = field(default_factory=dict)
    """Step -> what is done in its place."""

    def applied(self, design: "Design") -> "Design":
        """Return the design that a sabotaged bench has."""
        return replace(design, **self.design)


def _left_out(disks: "Disks") -> None:
    """Do nothing in a step's place."""


def _drop_buffers(disks: "Disks") -> None:
    disks.tell(disks.secondary, "xen-colo-do-checkpoint")
    disks.tell(disks.secondary, "xen-set-replication", enable=False, primary=False, failover=True)


def _spoil(disks: "Disks") -> None:
    disks.spoil(CLUSTER + 3)


SOUND = Sabotage("sound", "Nothing.")

_ALL = (
    Sabotage(
        "no-buffers",
        "The secondary's guest has the secondary disk itself, without replication filter, active and hidden disk.",
        design={"buffered": False},
    ),
    Sabotage("no-child", "The primary's quorum has no child on the secondary.", design={"linked": False}),
    Sabotage(
        "remote-first",
        "The primary's quorum asks its child on the secondary first.",
        design={"remote_first": True},
    ),
    Sabotage("start-untold", "Neither side's disks hear that replication starts.", instead={"start": _left_out}),
    Sabotage(
        "checkpoint-untold",
        "Neither side's disks hear of checkpoints.",
        instead={"checkpoint": _left_out},
    ),
    Sabotage(
        "buffers-dropped",
        "The secondary empties its buffers before it commits them.",
        instead={"promote": _drop_buffers},
    ),
    Sabotage(
        "stale-sector",
        "One sector of the secondary's disk differs from the primary's before all.",
        instead={"spoil": _spoil},
    ),
    Sabotage("child-kept", "The dead child stays in the primary's quorum.", instead={"detach": _left_out}),
    Sabotage("flaw-absent", "The error that a test asks for does not happen.", design={"flaw": None}),
    Sabotage("flush-ignored", "No flush reaches a medium.", design={"cache": "unsafe"}),
)
SABOTAGES: Mapping[str, Sabotage] = {each.name: each for each in _ALL}


def sabotage(name: str | None) -> Sabotage:
    """Return the sabotage of this name; None is a sound bench. Raises UsageError."""
    if name is None:
        return SOUND
    if name not in SABOTAGES:
        raise UsageError(f"there is no sabotage {name!r} of a bench's disks", f"choose one of {', '.join(SABOTAGES)}")
    return SABOTAGES[name]
