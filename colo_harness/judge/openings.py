"""Openings: which side of the last checkpoint the sessions were opened on that a fault met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import faults
from colo_harness.judge.operations import OPENINGS, ledger
from colo_harness.judge.verdict import Parametrised, Verdict, holds, undecided


@dataclass(frozen=True)
class Opened(Parametrised):
    """Every session that met the last fault was opened on this side of the last checkpoint before the fault.

    Else the run proves nothing of such sessions: a checkpoint copies all that a session consists of. Before the
    first checkpoint, the start of replication stands for it. `host` is the primary at that time.
    """

    side: Literal["before", "after"]
    host: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bites = [fault.began for fault in faults(entries) if fault.bitten is not None and fault.began is not None]
        if not bites:
            return undecided("no fault is proven to have bitten")
        stops = [stop for stop in pauses(entries, self.host) if stop.start <= bites[-1]]
        if stops and (stops[-1].end is None or stops[-1].end > bites[-1]):
            return undecided(f"a checkpoint was under way at {bites[-1]:.3f} s")
        entered = [e.at for e in entries if e.kind == "phase" and e.what == "replicating"]
        edges = [stops[-1].end] if stops else entered
        if not edges or edges[-1] is None:
            return undecided("the history tells of no start of replication")
        opened = [op for op in ledger(entries).of(*OPENINGS) if op.completed <= bites[-1]]
        wrong = [op for op in opened if (op.invoked >= edges[-1]) != (self.side == "after")]
        if wrong or not opened:
            told = ", ".join(map(str, wrong)) or "no session"
            return undecided(f"the last checkpoint ended at {edges[-1]:.3f} s; not opened {self.side} it: {told}")
        return holds(f"{len(opened)} sessions opened {self.side} the checkpoint that ended at {edges[-1]:.3f} s")
