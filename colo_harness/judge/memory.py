"""Memory: what both tick guests hold right after a checkpoint, and what a survivor's can be the work of."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import messages, pauses
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

_SAID = re.compile(r"(Q?)([0-9a-f]{8})")
_NAMED = 8  # so many pages a reason names before it counts the rest


@dataclass(frozen=True)
class Said:
    """A line of a tick guest's console (images/README.md): its generation, and whether it now rests."""

    generation: int
    quiet: bool


def said(entry: Entry, host: str) -> Said | None:
    """Return what the tick guest of `host` says in this entry, None where it says nothing."""
    line = _SAID.fullmatch(entry.what) if entry.kind == "console" and entry.who == host else None
    return Said(int(line[2], 16), bool(line[1])) if line else None


@dataclass(frozen=True)
class MemoryEqual(Parametrised):
    """At each of `moments` or more, both sides hold the same in every page; and the secondary had to be changed for it.

    The observation "memory" tells of a host, at a `moment`, the `pages` that are not all zeros: address -> digest.
    The secondary must have been of another generation before each of these checkpoints, and over the moments some
    page must have become zeros and some page must have become something else again.
    """

    moments: int = 3
    primary: str = "host_a"
    secondary: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        told: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            if entry.kind == "observe" and entry.what == "memory":
                told.setdefault(str(entry.data.get("moment")), {})[entry.who] = entry
        both = {moment: (of[self.primary], of[self.secondary]) for moment, of in told.items() if len(of) > 1}
        breaches = [breach for moment, (ours, copy) in both.items() for breach in _unequal(moment, ours, copy)]
        doubts = [f"memory was compared at {len(both)} moments, {self.moments} are due"] * (len(both) < self.moments)
        doubts += self._unmoved(entries, [ours for ours, _ in both.values()])
        doubts += _unzeroed([_pages(copy) for _, copy in both.values()])
        count = len({page for ours, _ in both.values() for page in _pages(ours)})
        return decide(
            breaches, doubts, f"{len(both)} times the same on both sides, over {count} pages that held something"
        )

    def _unmoved(self, entries: Sequence[Entry], compared: Sequence[Entry]) -> Iterator[str]:
        """Yield the moments before which the secondary is not known to have differed.

        It did if what it said last, or took over where it has said nothing since, is not what the primary rests at.
        """
        stops = pauses(entries, self.secondary)
        taken_over: int | None = None
        for observed in compared:
            before = [stop for stop in stops if stop.start <= observed.at]
            start = before[-1].start if before else observed.at
            since = (before[-2].end or before[-2].start) if len(before) > 1 else 0.0
            own = _last_said(entries, self.secondary, since, start)
            mine = taken_over if own is None else own.generation
            rests = _last_said(entries, self.primary, 0.0, start)
            if rests is None or not rests.quiet or mine in (None, rests.generation):
                yield f"{observed.data.get('moment')}: the secondary is not known to have differed before"
            taken_over = rests.generation if rests else None


def _last_said(entries: Sequence[Entry], host: str, since: float, until: float) -> Said | None:
    lines = (said(entry, host) for entry in entries if since <= entry.at <= until)
    return next((line for line in reversed(list(lines)) if line), None)


def _pages(observed: Entry) -> Mapping[str, str]:
    pages = observed.data.get("pages")
    return pages if isinstance(pages, Mapping) else {}


def _unequal(moment: str, ours: Entry, copy: Entry) -> Iterator[Breach]:
    mine, other = _pages(ours), _pages(copy)
    wrong = sorted((page for page in mine.keys() | other.keys() if mine.get(page) != other.get(page)), key=_address)
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        text = f"{moment}: {ours.who} and {copy.who} differ in {len(wrong)} pages: {', '.join(wrong[:_NAMED])}{more}"
        yield Breach(text, copy.at, (ours.line, copy.line))


def _address(page: str) -> int:
    return int(page, 16)


def _unzeroed(copies: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield what the secondary's memory did not go through between two moments."""
    if not any(before.keys() - after.keys() for before, after in pairwise(copies)):
        yield "no page of the secondary became zeros"
    if not any(after.keys() - before.keys() for before, after in pairwise(copies)):
        yield "no page of the secondary that was zeros became anything else"


@dataclass(frozen=True)
class GenerationPossible(Parametrised):
    """A survivor's memory is the guest's work, not older than the last checkpoint that the primary knew as received.

    The observation "generation" tells whether the memory is `possible`, or the `objection`, and its `generation`. It
    must not be below the last one that the primary's guest had said before that checkpoint stopped it, and the guest
    must go on from there.
    """

    primary: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        breaches: list[Breach] = []
        doubts: list[str] = []
        observed = [entry for entry in entries if entry.kind == "observe" and entry.what == "generation"]
        for entry in observed:
            bound = self._bound(entries, entry.at)
            if bound is None:
                doubts.append(f"no checkpoint of {self.primary} before {entry.at:.3f} s tells a generation")
            breaches += _breaches(entries, entry, bound or 0)
        doubts += [] if observed else ["no survivor's memory was looked at"]
        return decide(breaches, doubts, f"{len(observed)} times memory that the guest can have produced")

    def _bound(self, entries: Sequence[Entry], until: float) -> int | None:
        """Return the last generation said before the primary stopped for the last checkpoint that was received."""
        received = [
            message.at
            for message in messages(entries, self.primary)
            if (message.direction, message.name) == ("receive", "vmstate-received") and message.at < until
        ]
        stops = [stop.start for stop in pauses(entries, self.primary) if received and stop.start <= received[-1]]
        last = _last_said(entries, self.primary, 0.0, stops[-1]) if stops else None
        return last.generation if last else None


def _breaches(entries: Sequence[Entry], observed: Entry, bound: int) -> Iterator[Breach]:
    generation, lines = observed.data.get("generation", 0), (observed.line,)
    if not observed.data.get("possible"):
        objection = observed.data.get("objection")
        yield Breach(f"{observed.who}'s memory is not the guest's work: {objection}", observed.at, lines)
    elif generation < bound:
        text = f"{observed.who}'s memory is of generation {generation}, the last checkpoint held {bound} or more"
        yield Breach(text, observed.at, lines)
    later = (said(entry, observed.who) for entry in entries if entry.at > observed.at)
    if not any(line.generation > generation for line in later if line):
        yield Breach(f"{observed.who}'s guest stands still at generation {generation}", observed.at, lines)


@dataclass(frozen=True)
class LeftOut(Parametrised):
    """Of the mappings as large as guest memory none is in a core file; `expected` is how many each host has."""

    expected: Mapping[str, int]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        seen = {entry.who: entry for entry in entries if entry.kind == "observe" and entry.what == "mappings"}
        breaches = [
            Breach(f"a core file of {host} has {one.data['dumped']} mappings of guest memory", one.at, (one.line,))
            for host, one in seen.items()
            if one.data["dumped"]
        ]
        found = {host: one.data["dumped"] + one.data["left_out"] for host, one in seen.items()}
        doubts = [
            f"{host} has {found.get(host, 0)} mappings of guest memory, not {count}"
            for host, count in self.expected.items()
            if found.get(host, 0) != count
        ]
        return decide(breaches, doubts, f"{sum(found.values())} mappings of guest memory, all left out")


@dataclass(frozen=True)
class MemoryHeld(Parametrised):
    """At each moment a host's QEMU has guest memory so many times; `expected` has host and moment."""

    expected: Mapping[tuple[str, str], int]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        told = [entry for entry in entries if entry.kind == "observe" and entry.what == "mappings"]
        seen = {(entry.who, str(entry.data.get("moment"))): entry for entry in told}
        breaches = []
        for (host, moment), count in self.expected.items():
            if one := seen.get((host, moment)):
                found = one.data["dumped"] + one.data["left_out"]
                said = f"{host} has guest memory {found} times at {moment!r}, not {count}"
                breaches += [Breach(said, one.at, (one.line,))] if found != count else []
        doubts = [f"{host} was not looked at at {moment!r}" for host, moment in self.expected.keys() - seen.keys()]
        return decide(breaches, doubts, f"guest memory as often as expected, {len(self.expected)} times")
