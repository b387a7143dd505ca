"""Histories of starts that fail, and of what is seen of a side's memory from outside."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def unsuited() -> list[Entry]:
    """Tell of a start that is refused for its capabilities."""
    return Tape().phase(0.1, "start").phase(0.3, "refused", reason="x-colo requires return-path").entries


def spared() -> list[Entry]:
    """Tell of two sides of whose guest memory a core file has nothing."""
    tape = Tape().add(1.0, "observe", "host_a", "mappings", moment="replicating", dumped=0, left_out=1)
    return tape.add(1.1, "observe", "host_b", "mappings", moment="replicating", dumped=0, left_out=2).entries
