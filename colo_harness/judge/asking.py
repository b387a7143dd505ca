"""When colo-compare asks for a checkpoint because a frame waits for its twin too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.seen import is_ask
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

CLOCK_S = 0.005
"""By so much QEMU's milliseconds and the history's clock may disagree."""


@dataclass(frozen=True)
class AskedBetween(Parametrised):
    """Each frame that went in alone is asked about: no sooner than `at_least_s` and no later than `at_most_s` after it.

    A frame is alone that went in after a step had settled, and before any was asked about.
    """

    at_least_s: float
    at_most_s: float

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        waits = list(_waits(entries))
        breaches = []
        for sent, asked in waits:
            if asked is None:
                breaches.append(Breach(f"{sent.data['name']} was never asked about", sent.at, (sent.line,)))
            elif not self.at_least_s - CLOCK_S <= asked.at - sent.at <= self.at_most_s:
                text = f"{sent.data['name']} was asked about after {asked.at - sent.at:.3f} s"
                bounds = f"{self.at_least_s:g} to {self.at_most_s:g} s"
                breaches.append(Breach(f"{text}, not {bounds}", asked.at, (sent.line, asked.line)))
        doubts = [] if waits else ["no frame went in alone"]
        return decide(breaches, doubts, f"{len(waits)} frames, each asked about in time")


@dataclass(frozen=True)
class AsksApart(Parametrised):
    """While a frame waits, checkpoints are asked for at least `times` times, from `at_least_s` to `at_most_s` apart."""

    times: int
    at_least_s: float
    at_most_s: float

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        sent = [entry for entry in entries if entry.kind == "frame" and entry.what == "in"]
        if not sent:
            return decide([], ["no frame went in"], "")
        asks = [entry for entry in entries if is_ask(entry)]
        breaches = [
            Breach(f"asked again after {later.at - sooner.at:.3f} s", later.at, (sooner.line, later.line))
            for sooner, later in pairwise(asks)
            if not self.at_least_s - CLOCK_S <= later.at - sooner.at <= self.at_most_s
        ]
        if len(asks) < self.times:
            last = (asks or sent)[-1]
            breaches.append(Breach(f"asked {len(asks)} times, not {self.times}", last.at, (last.line,)))
        return decide(breaches, [], f"asked {len(asks)} times, each in time")


def _waits(entries: Sequence[Entry]) -> list[tuple[Entry, Entry | None]]:
    """Return each frame that went in alone, and the first request behind it."""
    waits: list[tuple[Entry, Entry | None]] = []
    for entry in entries:
        open_wait = bool(waits) and waits[-1][1] is None
        if is_ask(entry) and open_wait:
            waits[-1] = (waits[-1][0], entry)
        elif entry.kind == "frame" and entry.what == "in" and entry.who != "notify_dev" and not open_wait:
            waits.append((entry, None))
    return waits
