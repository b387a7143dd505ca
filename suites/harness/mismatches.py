"""Histories of QEMUs that do not suit each other, and of what is seen of one from outside."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def unsuited() -> list[Entry]:
    """Tell of a start that is refused for its capabilities."""
    return Tape().phase(0.1, "start").phase(0.3, "refused", reason="x-colo requires return-path").entries


def spared() -> list[Entry]:
    """Tell of two sides of whose guest memory a core file has nothing."""
    tape = Tape().add(1.0, "observe", "host_a", "mappings", moment="replicating", dumped=0, left_out=1)
    return tape.add(1.1, "observe", "host_b", "mappings", moment="replicating", dumped=0, left_out=2).entries


def looked_at() -> list[Entry]:
    """Tell of a command that was looked for, and found."""
    return Tape().add(1.0, "observe", "bare", "found", of="commands", name="yank", value=True).entries


def failed() -> list[Entry]:
    """Tell of a migration that failed on both hosts."""
    tape = Tape()
    for at, host in enumerate(("host_a", "host_b"), start=1):
        tape.add(at, "event", host, "MIGRATION", status="active")
        tape.add(at + 0.5, "event", host, "MIGRATION", status="failed")
    return tape.entries
