"""The guest's clocks, as its clients have read them."""

from collections.abc import Sequence
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Verdict, checker, decide

CLOCKS = ("day", "monotonic")


@checker
def clocks_go_on(entries: Sequence[Entry]) -> Verdict:
    """No clock of the guest was ever behind an earlier reading, and they were read after the last loss too."""
    readings = [op for op in ledger(entries).of("clock") if op.outcome == "ok"]
    breaches = [
        Breach(_told(earlier, later, clock), later.ended, earlier.lines + later.lines)
        for earlier, later in pairwise(readings)
        for clock in CLOCKS
        if later.invoked >= earlier.completed and later.answer[clock] < earlier.answer[clock]
    ]
    since = last_loss(entries)
    before, after = any(op.completed < since for op in readings), any(op.invoked >= since for op in readings)
    doubts = [] if before and after else [f"the clocks were not read both before and after {since:.3f} s"]
    return decide(breaches, doubts, f"{len(readings)} readings of two clocks, each behind none before it")


def _told(earlier: Op, later: Op, clock: str) -> str:
    back = earlier.answer[clock] - later.answer[clock]
    return f"{later}: the {clock} clock is {back:.3f} s behind {earlier}"
