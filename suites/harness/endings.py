"""Histories of guests that end by themselves."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def powered_off() -> list[Entry]:
    """Tell of a pair that ends with its guest."""
    tape = Tape().fault(1, "inject").fault(1.1, "bitten")
    for host in ("host_a", "host_b"):
        tape.add(1.2, "event", host, "SHUTDOWN", guest=True, reason="guest-shutdown")
        tape.add(2, "observe", host, "exit-status", value=0)
    return tape.entries


def stayed() -> list[Entry]:
    """Tell of a pair that outlives its guest."""
    tape = Tape().fault(1, "inject").fault(1.1, "bitten")
    for host in ("host_a", "host_b"):
        tape.add(2, "observe", host, "query-status", moment="after", value={"status": "shutdown"})
    return tape.entries
