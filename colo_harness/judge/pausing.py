"""For how long checkpoints stop a guest: the downtime that the document of 2016 would like to have reduced."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, pauses
from colo_harness.judge.moments import Window, phases
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide


@dataclass(frozen=True)
class PausesSteady(Parametrised):
    """In the last watched stretch a checkpoint stops each host for no longer than in the first one.

    The median of `at_least` or more may be `times` as long, and `slack_s` seconds, which a busy machine takes.
    """

    times: float = 4.0
    slack_s: float = 0.5
    at_least: int = 3
    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        edges = zip(phases(entries, "watch"), phases(entries, "watched"), strict=False)
        stretches = [Window(begin.at, end.at) for begin, end in edges]
        breaches, told = [], []
        for host in self.hosts if len(stretches) > 1 else ():
            made = [one for one in pauses(entries, host) if one.end is not None]
            first, last = ([one for one in made if one.start in stretches[which]] for which in (0, -1))
            if min(len(first), len(last)) < self.at_least:
                continue
            usual, grown = _median(first), _median(last)
            told.append(f"{host} stood still for {usual * 1000:.0f} ms at first, {grown * 1000:.0f} ms at last")
            if grown > usual * self.times + self.slack_s:
                breaches.append(Breach(told[-1], last[0].start, last[0].lines))
        doubts = [] if len(told) == len(self.hosts) else [f"no {self.at_least} checkpoints in two watched stretches"]
        return decide(breaches, doubts, "; ".join(told))


def _median(found: Sequence[Checkpoint]) -> float:
    return median(one.duration for one in found)
