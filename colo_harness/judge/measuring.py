"""Whether what was measured is a measurement: nothing is lost, its parts are the whole, it is of what it says."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import Checkpoint, Message, messages, pauses
from colo_harness.judge.moments import Window, phases
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

EXCHANGE = (
    ("send", "vmstate-send"),
    ("send", "vmstate-size"),
    ("receive", "vmstate-received"),
    ("receive", "vmstate-loaded"),
)
"""What the primary says and hears while it stands still (migration/colo.c, colo_do_checkpoint_transaction)."""
PARTS = ("stopped", "saved", "received", "loaded", "resumed")
"""What ends with each of these, and with RESUME."""


@dataclass(frozen=True)
class Measured(Parametrised):
    """Each of `measures` was taken in each of `repetitions`, and its parts, where it has some, make up its seconds."""

    measures: tuple[str, ...]
    repetitions: int
    slack_s: float = 0.001

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        taken = [entry for entry in phases(entries, "measured") if entry.data["measure"] in self.measures]
        counted = Counter((entry.data["measure"], entry.data["repetition"]) for entry in taken)
        wanted = [(name, number) for name in self.measures for number in range(1, self.repetitions + 1)]
        lost = [
            f"{name} was not measured in repetition {number}" for name, number in wanted if not counted[name, number]
        ]
        breaches = [
            Breach(
                f"{entry.data['measure']}: parts of {parts:.4f} s in {entry.data['seconds']:.4f} s",
                entry.at,
                (entry.line,),
            )
            for entry in taken
            if (told := entry.data.get("parts"))
            and abs((parts := sum(told.values())) - entry.data["seconds"]) > self.slack_s
        ]
        return decide(breaches, lost, f"{len(taken)} figures, none lost, and parts make up the whole")


@dataclass(frozen=True)
class PausesAddUp(Parametrised):
    """In watched stretches `at_least` checkpoints stop the primary, each for one whole exchange, in order."""

    at_least: int
    host: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        stretches = watched(entries)
        if not stretches:
            return undecided("no stretch was watched")
        made = [one for one in pauses(entries, self.host) if any(one.start in w and one.end in w for w in stretches)]
        traced = messages(entries, self.host)
        breaches = [
            Breach(
                f"between STOP and RESUME at {one.start:.3f} s the primary has {_said(inside(traced, one))}",
                one.start,
                one.lines,
            )
            for one in made
            if [(each.direction, each.name) for each in inside(traced, one)] != [*EXCHANGE]
        ]
        if len(made) < self.at_least:
            end = phases(entries, "watched")[-1]
            breaches.append(Breach(f"{len(made)} checkpoints were made, not {self.at_least}", end.at, (end.line,)))
        return decide(breaches, [], f"{len(made)} pauses, each of one whole exchange")


@dataclass(frozen=True)
class SettingsAsNamed(Parametrised):
    """While a load was measured in a setting, its pair took checkpoints as the setting's name says.

    In none of `quiet`, in each of `busy` in all its repetitions together; each is a setting and a load.
    """

    quiet: tuple[tuple[str, str], ...]
    busy: tuple[tuple[str, str], ...]
    host: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        stopped = pauses(entries, self.host)
        counted: dict[tuple[str, str], int] = {}
        lines: dict[tuple[str, str], Entry] = {}
        for begin, end in zip(phases(entries, "load"), phases(entries, "loaded"), strict=False):
            what = (begin.data["setting"], begin.data["load"])
            window = Window(begin.at, end.at)
            counted[what] = counted.get(what, 0) + sum(one.start in window for one in stopped)
            lines[what] = begin
        doubts = [
            f"{load} in {setting} was not measured"
            for setting, load in (*self.quiet, *self.busy)
            if (setting, load) not in counted
        ]
        wrong = [what for what in self.quiet if counted.get(what)] + [
            what for what in self.busy if counted.get(what) == 0
        ]
        breaches = [
            Breach(
                f"{setting}, {load}: {counted[setting, load]} checkpoints",
                lines[setting, load].at,
                (lines[setting, load].line,),
            )
            for setting, load in wrong
        ]
        told = ", ".join(f"{setting} {load} {count}" for (setting, load), count in counted.items())
        return decide(breaches, doubts, f"checkpoints meanwhile: {told}")


def watched(entries: Sequence[Entry]) -> list[Window]:
    """Return all stretches that were watched, in order."""
    return [
        Window(begin.at, end.at)
        for begin, end in zip(phases(entries, "watch"), phases(entries, "watched"), strict=False)
    ]


def inside(traced: Sequence[Message], pause: Checkpoint) -> list[Message]:
    """Return the messages of a pause."""
    return [one for one in traced if pause.start <= one.at <= (pause.end or pause.start)]


def divided(entries: Sequence[Entry], host: str = "host_a") -> Iterator[tuple[Checkpoint, dict[str, float]]]:
    """Yield each whole pause, and how many seconds of it each part took; those of another exchange are left out."""
    traced = messages(entries, host)
    for pause in pauses(entries, host):
        said = inside(traced, pause)
        if pause.end is not None and [(one.direction, one.name) for one in said] == [*EXCHANGE]:
            moments = [pause.start, *(one.at for one in said), pause.end]
            yield (
                pause,
                {name: later - earlier for name, (earlier, later) in zip(PARTS, pairwise(moments), strict=True)},
            )


def _said(found: Sequence[Message]) -> str:
    return ", ".join(f"{one.direction} {one.name}" for one in found) or "no message"
