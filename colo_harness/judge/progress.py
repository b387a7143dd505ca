"""Checkpoints and the life between them: both sides stop and resume, and both guests go on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import Window, window
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

BREATH_S = 0.1
"""A guest that ran for less need not have spoken: where a checkpoint outlasts the delay, the next comes at once."""


@dataclass(frozen=True)
class CheckpointsGoOn(Parametrised):
    """In the watched stretch each host makes `at_least` whole checkpoints, and its guest speaks between them."""

    at_least: int = 3
    hosts: tuple[str, ...] = ("host_a", "host_b")
    label: str = ""
    silent: bool = False
    """The guest has nothing to say on its console."""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        if watched is None:
            return undecided(f'no watched stretch "{self.label}"')
        breaches = [breach for host in self.hosts for breach in self._of(host, entries, watched)]
        return decide(breaches, [], f"{self.at_least} checkpoints or more on each side, each followed by progress")

    def _of(self, host: str, entries: Sequence[Entry], watched: Window) -> Iterator[Breach]:
        made = [one for one in pauses(entries, host) if one.start in watched and one.end is not None]
        if len(made) < self.at_least:
            lasted = watched.end - watched.start
            text = f"{host} made {len(made)} checkpoints in {lasted:.1f} s, {self.at_least} are due"
            yield Breach(text, watched.end)
        said = [entry.at for entry in entries if entry.kind == "console" and entry.who == host]
        for one, following in pairwise(made):
            resumed = one.end or one.start
            breath = following.start - resumed >= BREATH_S and not self.silent
            if breath and not any(resumed <= at <= following.start for at in said):
                yield Breach(f"{host}'s guest stood still after a checkpoint", one.end, one.lines)
