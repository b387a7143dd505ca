"""What came out of a bench: which frames, in which order, and whether a checkpoint was asked for.

A step of a history ends with the phase "settled"; all that was sent before is decided by then.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.likeness import Album
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

ASK = "ask"
"""The word for a request to checkpoint."""
ANYTHING = "*"
_ASKED = b"DO_CHECKPOINT".hex()  # net/colo-compare.c, notify_remote_frame


@dataclass(frozen=True)
class Saw(Parametrised):
    """Step by step, just these frames came out at outdev, in this order.

    A step names the frames as they were sent, with blanks between, and says `ask` where a checkpoint is asked for, once
    or more often: `("p1 p2", "ask", "p3")`; in a step `*`, whatever comes is right.
    """

    steps: tuple[str, ...]
    suffix: str = ""
    """Of the ports' names: a bench may have more than one colo-compare."""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        album = Album(entries, (f"primary_in{self.suffix}", f"secondary_in{self.suffix}"))
        steps = list(steps_of(entries))
        breaches: list[Breach] = []
        for number, (step, expected) in enumerate(zip(steps, self.steps, strict=False), start=1):
            found = list(self._judge_step(f"in step {number}", step, expected.split(), album))
            breaches += found if expected != ANYTHING else []
        doubts = [] if len(steps) == len(self.steps) else [f"{len(steps)} steps, where {len(self.steps)} were told of"]
        told = sum(len(step.split()) for step in self.steps)
        return decide(breaches, doubts, f"{len(steps)} steps, {told} frames and requests as they should be")

    def _judge_step(self, where: str, step: "Step", expected: list[str], album: Album) -> Iterator[Breach]:
        if not step.settled:
            yield Breach(f"{where} equal frames from both sides no longer came out", step.end.at, (step.end.line,))
        asks = [entry for entry in step.entries if is_ask(entry, self.suffix)]
        if asks and ASK not in expected:
            yield Breach(f"{where} a checkpoint was asked for without cause", asks[0].at, (asks[0].line,))
        if ASK in expected and not asks:
            yield Breach(f"{where} no checkpoint was asked for", step.end.at, (step.end.line,))
        seen: list[tuple[str, Entry]] = []
        for entry in step.entries:
            if entry.kind == "frame" and entry.what == "out" and entry.who == f"outdev{self.suffix}":
                sighting = album.recognise(entry)
                seen.append((sighting.name, entry))
                if sighting.wrong:
                    yield Breach(f"{where} {sighting.name} {sighting.wrong}", entry.at, (entry.line,))
        yield from compare(where, seen, [name for name in expected if name != ASK], step.end)


@dataclass(frozen=True)
class Released(Parametrised):
    """In step `step`, counted from 1, from `at_least` to `at_most` frames came out, whichever they were."""

    step: int
    at_least: int
    at_most: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        steps = list(steps_of(entries))
        if len(steps) < self.step:
            return decide([], [f"there are {len(steps)} steps only"], "")
        step = steps[self.step - 1]
        count = sum((entry.kind, entry.who, entry.what) == ("frame", "outdev", "out") for entry in step.entries)
        text = f"{count} frames came out in step {self.step}"
        if self.at_least <= count <= self.at_most:
            return decide([], [], text)
        bounds = f"{self.at_least} to {self.at_most}" if self.at_least < self.at_most else f"{self.at_least}"
        return decide([Breach(f"{text}, not {bounds}", step.end.at, (step.end.line,))], [], text)


@dataclass(frozen=True)
class Step:
    """What was recorded until all was decided; `settled` unless equal frames from both sides did not come out."""

    entries: Sequence[Entry]
    end: Entry

    @property
    def settled(self) -> bool:
        """Whether all that was sent was decided."""
        return self.end.what == "settled"


def steps_of(entries: Sequence[Entry]) -> Iterator[Step]:
    """Yield the steps; what comes behind the last one is in none."""
    since: list[Entry] = []
    for entry in entries:
        if entry.kind == "phase" and entry.what in ("settled", "unsettled"):
            yield Step(since, entry)
            since = []
        else:
            since.append(entry)


def words(entries: Sequence[Entry], suffix: str = "") -> list[str]:
    """Return step by step what came out, as `Saw` takes it."""
    album = Album(entries, (f"primary_in{suffix}", f"secondary_in{suffix}"))
    told = []
    for step in steps_of(entries):
        out = [one for one in step.entries if (one.kind, one.who, one.what) == ("frame", f"outdev{suffix}", "out")]
        asked = any(is_ask(entry, suffix) for entry in step.entries)
        told.append(" ".join([*(album.recognise(one).name for one in out), *([ASK] if asked else [])]))
    return told


def is_ask(entry: Entry, suffix: str = "") -> bool:
    """Tell whether colo-compare asks for a checkpoint."""
    return (entry.kind, entry.who, entry.what) == ("frame", f"notify_dev{suffix}", "out") and entry.data.get(
        "hex"
    ) == _ASKED


def compare(where: str, seen: Sequence[tuple[str, Entry]], expected: Sequence[str], end: Entry) -> Iterator[Breach]:
    """Yield in what the frames that were seen differ from those that were expected, by name; `end` is the step's."""
    names = [name for name, _ in seen]
    unexpected = Counter(names) - Counter(expected)
    for name, entry in seen:
        if unexpected[name] and name != "?":
            unexpected[name] -= 1
            who = ", which the secondary sent" if name.startswith("s") else ""
            if names.count(name) == 1:
                yield Breach(f"{where} {name} came out{who}, and should not", entry.at, (entry.line,))
    for name in (Counter(expected) - Counter(names)).elements():
        yield Breach(f"{where} {name} was dropped: it did not come out", end.at, (end.line,))
    place = {name: number for number, name in enumerate(expected)}
    for (before, _), (after, entry) in pairwise([one for one in seen if one[0] in place]):
        if place[before] > place[after]:
            yield Breach(f"{where} {after} and {before} came out swapped", entry.at, (entry.line,))
