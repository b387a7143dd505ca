"""Whether what a side says leaves it at once, or waits until TCP has an acknowledgement of what it said before."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide


@dataclass(frozen=True)
class LeavesAtOnce(Parametrised):
    """No `message` of the secondary is held back until the one before it is acknowledged, of `at_least` that were said.

    Held back is what was said before that acknowledgement came, and left after it.
    """

    message: str
    at_least: int
    way: str
    """How the hosts acknowledged meanwhile, as the phase "acknowledging" has it."""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        said, way = [], None
        for entry in entries:
            if entry.kind == "phase" and entry.what == "acknowledging":
                way = entry.data["way"]
            elif entry.kind == "phase" and entry.what == "left" and entry.data["message"] == self.message:
                said += [entry] if way == self.way else []
        held = [one for one in said if one.data["before"] and one.data["said"] < one.data["before"] <= one.at]
        breaches = [
            Breach(
                f"{self.message} left {(one.at - one.data['said']) * 1000:.1f} ms after it was said,"
                f" {(one.at - one.data['before']) * 1000:.3f} ms after an acknowledgement",
                one.at,
                (one.line,),
            )
            for one in held
        ]
        doubts = [] if len(said) >= self.at_least else [f"{self.message} left {len(said)} times, not {self.at_least}"]
        return decide(breaches, doubts, f"{len(said)} times {self.message} left without waiting")
