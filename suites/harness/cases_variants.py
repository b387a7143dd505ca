"""The histories that checkers of the set-up's variants must reject."""

from colo_harness.history import Entry
from colo_harness.judge.clocks import clocks_go_on
from colo_harness.judge.pausing import PausesSteady
from suites.harness.cases import Case, change
from suites.harness.histories import Tape, after, ended, is_a


def read() -> list[Entry]:
    """Return two readings of the guest's clocks before a loss and one after it."""
    tape = Tape()
    for number, at in enumerate((1.0, 2.0, 5.0)):
        tape.op(at, "clock-0", "clock", {"n": number}, {"day": 1000 + at, "monotonic": at})
    return tape.fault(3, "inject").fault(3, "bitten").entries


def paused() -> list[Entry]:
    """Return two watched stretches with three checkpoints each, of both hosts."""
    tape = Tape()
    for start in (1.0, 11.0):
        tape.phase(start - 0.1, "watch").phase(start + 9.0, "watched")
        for number in range(3):
            tape.checkpoint(start + 2 * number).checkpoint(start + 2 * number, "host_b")
    return tape.entries


def longer(entries: list[Entry]) -> list[Entry]:
    """Let host_a's checkpoints of the second stretch last for a second."""
    for begun in (11.0, 13.0, 15.0):
        entries = change(after(begun, is_a("event", "RESUME", "host_a")), at=begun + 1)(entries)
    return entries


VARIANTS = [
    Case(clocks_go_on, read, change(after(4, ended("clock")), day=1001.9, monotonic=5.0), is_a("fault")),
    Case(PausesSteady(), paused, longer, is_a("phase", "watched")),
]
