"""Exploring: scripts that nobody thought of are played until one does not end as documented, and that one is shrunk."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase, strategies

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.guest import CLUSTER, SECTORS
from colo_harness.history import Entry, History
from colo_harness.judge.blocks import reads_documented, requests_answered
from colo_harness.judge.verdict import worst

LONGEST = 12
"""Steps in a script."""


class Undocumented(Exception):
    """A script did not end as documented."""


@dataclass(frozen=True)
class Write:
    """A guest writes, or lets its disk write zeros."""

    side: int
    sector: int
    number: int
    zero: bool

    def do(self, disks: Disks) -> None:
        """Let the guest write, as far as its disk goes."""
        guest, number = disks.guests[self.side], min(self.number, SECTORS - self.sector)
        if self.zero:
            guest.zero(self.sector, number)
        else:
            guest.write(self.sector, number)


@dataclass(frozen=True)
class Checkpoint:
    """Both sides are told of a checkpoint."""

    def do(self, disks: Disks) -> None:
        """Tell them."""
        disks.checkpoint()


@dataclass(frozen=True)
class Failover:
    """The sides lose each other, and each is told to go on alone; it may happen again to who is alone already."""

    def do(self, disks: Disks) -> None:
        """Part them."""
        disks.promote()
        if not disks.parted:
            disks.detach()


Step = Write | Checkpoint | Failover


def steps() -> strategies.SearchStrategy[Step]:
    """Return a strategy for one step; writes fall on few places, so that they meet."""
    clusters = strategies.sampled_from([0, 1, SECTORS // CLUSTER - 1]).map(lambda number: number * CLUSTER)
    sectors = strategies.tuples(clusters, strategies.sampled_from([0, 1, 8, CLUSTER - 1])).map(sum)
    numbers = strategies.sampled_from([1, 2, 8, CLUSTER, 2 * CLUSTER])
    writes = [
        strategies.builds(Write, strategies.just(side), sectors, numbers, strategies.just(zero))
        for side in (0, 1)
        for zero in (False, True)
    ]
    return strategies.one_of(*writes, strategies.just(Checkpoint()), strategies.just(Failover()))


def play(disks: Disks, script: Sequence[Step]) -> None:
    """Play a script on fresh disks; both guests read everything after each step, and the images are read in the end."""
    disks.make()
    disks.start()
    for step in script:
        step.do(disks)
        for guest in disks.guests:
            guest.read()
    if disks.parted:
        disks.await_commit()
    disks.take_down()
    disks.read_images()


def explore(disks: Disks, seed: int, *, scripts: int) -> None:
    """Play so many scripts, or until one does not end as documented; the history gets the last, or the shortest such.

    The sides' QEMUs are the same all the time, and tell of their events in any case.
    """
    history, tally = disks.history, Counter[str]()
    last: list[list[Entry]] = [[]]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=scripts,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(strategies.lists(steps(), max_size=LONGEST))
    def explored(script: list[Step]) -> None:
        disks.history = History()
        disks.history.record("observe", "explorer", "script", value=[repr(step) for step in script])
        play(disks, script)
        tally.update(type(step).__name__ for step in script)
        last[0] = disks.history.entries
        if worst(checker(last[0]) for checker in (reads_documented, requests_answered)) == "invalid":
            raise Undocumented

    with suppress(Undocumented):
        explored()
    disks.history = history
    for entry in last[0]:
        history.append(entry.kind, entry.who, entry.what, entry.data)
    history.record("observe", "explorer", "tally", value=dict(tally), seed=seed)
