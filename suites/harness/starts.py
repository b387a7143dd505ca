"""Histories of starts that were disturbed."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def started(*statuses: str, passes: int = 0, said: bool = False, heard: bool = False) -> list[Entry]:
    """Tell of a primary that went through these migration states, and of a fault behind them."""
    tape = Tape()
    for at, status in enumerate(statuses):
        tape.add(at, "event", "host_a", "MIGRATION", status=status)
    for number in range(passes):
        tape.add(20, "event", "host_a", "MIGRATION_PASS", **{"pass": number + 2})
    if said:
        tape.message(21, "host_b", "send", "checkpoint-ready")
    if heard:
        tape.message(22, "host_a", "receive", "checkpoint-ready")
    return tape.fault(30, "inject").fault(30.1, "bitten").entries


def half_a_guest() -> list[Entry]:
    """Tell of a secondary whose primary was lost too early, and that refused to be promoted."""
    tape = Tape().add(1, "event", "host_b", "MIGRATION", status="active")
    return tape.phase(2, "stuck", host="host_b", reason="VM is not in COLO mode").entries


def resyncing() -> list[Entry]:
    """Tell of a fault while a survivor's disk is copied."""
    return Tape().phase(1, "resume").phase(2, "resyncing").fault(3, "inject").fault(3.1, "bitten").entries
