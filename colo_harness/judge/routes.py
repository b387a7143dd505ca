"""Routes: which frames came out where on a bench with more than one way out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.likeness import Album
from colo_harness.judge.seen import Step, compare, steps_of
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

ANY = "*"
_RANGE = re.compile(r"([a-z]+)(\d+)(?:-[a-z]+(\d+))?(\??)")
_WORD = re.compile(rf"[\w-]+:{_RANGE.pattern}(?:,{_RANGE.pattern})*")


@dataclass(frozen=True)
class Routed(Parametrised):
    """Step by step, just these frames came out, whole, at these ports, those of a port in this order.

    A step names ports and frames: `"outdev:n1-n3,g1 guest:n1-n3"`. What has a `?` behind it may come out or not, and of
    a step that is `*` nothing is expected.
    """

    steps: tuple[str, ...]

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        words = [word for step in self.steps if step != ANY for word in step.split()]
        if strange := [word for word in words if not _WORD.fullmatch(word)]:
            return undecided(f"{', '.join(strange)}: a step says which frames come where, as outdev:n1-n3,g1")
        frames = [entry for entry in entries if entry.kind == "frame"]
        steps = list(steps_of(entries))
        routes = [None if step == ANY else _routes(step) for step in self.steps]
        seen = {entry.who for entry in frames if entry.what == "out"}
        breaches = list(_faults(steps))
        for port in sorted(seen.union(*(route for route in routes if route))):
            album = Album(entries, sorted({entry.who for entry in frames if entry.what == "in"}))
            for number, (step, route) in enumerate(zip(steps, routes, strict=False), start=1):
                if route is not None:
                    breaches += _judge_port(f"at {port} in step {number}", port, step, route.get(port, []), album)
        doubts = [] if len(steps) == len(self.steps) else [f"{len(steps)} steps, where {len(self.steps)} were told of"]
        told = sum(len(names) for route in routes for names in (route or {}).values())
        return decide(breaches, doubts, f"{len(steps)} steps, {told} frames where they should be")


def words(entries: Sequence[Entry]) -> list[str]:
    """Return step by step what came out, as `Routed` takes it, but without ranges."""
    sources = sorted({entry.who for entry in entries if (entry.kind, entry.what) == ("frame", "in")})
    albums: dict[str, Album] = {}
    told = []
    for step in steps_of(entries):
        seen: dict[str, list[str]] = {}
        for entry in step.entries:
            if (entry.kind, entry.what) == ("frame", "out"):
                album = albums.setdefault(entry.who, Album(entries, sources))
                seen.setdefault(entry.who, []).append(album.recognise(entry).name)
        told.append(" ".join(f"{port}:{','.join(names)}" for port, names in sorted(seen.items())))
    return told


def _faults(steps: Sequence[Step]) -> Iterator[Breach]:
    for number, step in enumerate(steps, start=1):
        if not step.settled:
            yield Breach(f"in step {number} QEMU no longer took in anything", step.end.at, (step.end.line,))
        for port, rest in step.end.data.get("halves", {}).items():
            text = f"at {port} in step {number} {len(rest) // 2} bytes came out that make no whole frame"
            yield Breach(text, step.end.at, (step.end.line,))


def _judge_port(where: str, port: str, step: Step, expected: Sequence[tuple[str, bool]], album: Album) -> list[Breach]:
    breaches: list[Breach] = []
    seen: list[tuple[str, Entry]] = []
    for entry in step.entries:
        if (entry.kind, entry.what, entry.who) == ("frame", "out", port):
            sighting = album.recognise(entry)
            seen.append((sighting.name, entry))
            if sighting.wrong:
                breaches.append(Breach(f"{where} {sighting.name} {sighting.wrong}", entry.at, (entry.line,)))
    came = {name for name, _ in seen}
    wanted = [name for name, optional in expected if not optional or name in came]
    return [*breaches, *compare(where, seen, wanted, step.end)]


def _routes(step: str) -> dict[str, list[tuple[str, bool]]]:
    """Return for each port of a step the frames that are to come out there, with whether they may stay away."""
    words = (word.partition(":") for word in step.split())
    return {port: [one for part in frames.split(",") for one in _frames(part)] for port, _, frames in words}


def _frames(part: str) -> Iterator[tuple[str, bool]]:
    if found := _RANGE.fullmatch(part):
        letter, first, last, optional = found.groups()
        for number in range(int(first), int(last or first) + 1):
            yield f"{letter}{number}", bool(optional)
