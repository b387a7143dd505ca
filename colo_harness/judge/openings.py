"""Openings: which side of the last checkpoint the sessions were opened on that a fault met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, pauses
from colo_harness.judge.moments import faults
from colo_harness.judge.operations import OPENINGS, Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, broken, holds, undecided


@dataclass(frozen=True)
class Opened(Parametrised):
    """Every session that met the last fault was opened on this side of the last checkpoint before the fault.

    Else the run proves nothing of such sessions: a checkpoint copies all that a session consists of. Before the
    first checkpoint, the start of replication stands for it. `host` is the primary at that time.

    "after" is broken by a checkpoint that nobody asked for between the opening and the fault: a session whose
    answers are alike on both sides must not need one.
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
        if self.side == "after" and wrong and (unasked := self._unasked(entries, wrong, stops)):
            return broken([unasked])
        if wrong or not opened:
            told = ", ".join(map(str, wrong)) or "no session"
            return undecided(f"the last checkpoint ended at {edges[-1]:.3f} s; not opened {self.side} it: {told}")
        return holds(f"{len(opened)} sessions opened {self.side} the checkpoint that ended at {edges[-1]:.3f} s")

    def _unasked(self, entries: Sequence[Entry], opened: Sequence[Op], stops: Sequence[Checkpoint]) -> Breach | None:
        """Return the first checkpoint behind the last opening, if there was one and nobody asked for any since."""
        since = max(op.completed for op in opened)
        asked = [e for e in entries if e.kind == "phase" and e.what == "checkpoint" and e.at >= since]
        behind = [stop for stop in stops if stop.start >= since]
        if asked or not behind:
            return None
        text = f"a checkpoint at {behind[0].start:.3f} s that nobody asked for, after {opened[-1]}"
        return Breach(text, behind[0].start, (*opened[-1].lines, *behind[0].lines))
