"""Whether a bench's colo-compare did, step by step, what its documents say."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.comparing import Comparison
from colo_harness.judge.likeness import Album, picture
from colo_harness.judge.seen import Step, is_ask, steps_of
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide

_INPUTS = ("primary_in", "secondary_in")
_DONE = b"COLO_CHECKPOINT".hex()  # net/colo-compare.c, compare_notify_rs_finalize


@checker
def as_documented(entries: Sequence[Entry]) -> Verdict:
    """In each step those frames came out, and a checkpoint was asked for, as `Comparison` allows.

    In a step one VM sends frames, or a checkpoint is done; more leave open in which order QEMU saw them.
    """
    album, model = Album(entries, _INPUTS), Comparison()
    steps = list(steps_of(entries))
    breaches: list[Breach] = []
    doubts: list[str] = []
    for number, step in enumerate(steps, start=1):
        actors = {entry.who for entry in step.entries if _goes_in(entry)}
        if len(actors) > 1:
            doubts.append(f"in step {number} frames came from {' and '.join(sorted(actors))}")
            break
        breaches += [
            Breach(f"in step {number} {fault}", step.end.at, (step.end.line,)) for fault in _faults(step, model, album)
        ]
    doubts += [] if steps else ["there is no step"]
    return decide(breaches, doubts, f"{len(steps)} steps, each as documented")


@dataclass(frozen=True)
class Covered(Parametrised):
    """Each of these kinds of happenings was made often enough: what never occurred was not tested."""

    kinds: tuple[str, ...]
    at_least: int = 1

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        tallies = [entry.data["value"] for entry in entries if entry.kind == "observe" and entry.what == "tally"]
        tally: dict[str, int] = tallies[-1] if tallies else {}
        rare = [f"{kind}: {tally.get(kind, 0)} times" for kind in self.kinds if tally.get(kind, 0) < self.at_least]
        doubts = [f"made too rarely: {', '.join(rare)}"] if rare else []
        told = ", ".join(f"{kind} {tally.get(kind)}" for kind in self.kinds)
        return decide([], doubts, told)


def _goes_in(entry: Entry) -> bool:
    return entry.kind == "frame" and entry.what == "in" and (entry.who in _INPUTS or entry.data.get("hex") == _DONE)


def _faults(step: Step, model: Comparison, album: Album) -> list[str]:
    faults, came = [], []
    for entry in step.entries:
        if _goes_in(entry):
            _send(entry, model)
        elif (entry.kind, entry.who, entry.what) == ("frame", "outdev", "out"):
            sighting = album.recognise(entry)
            if sighting.wrong:
                faults.append(f"{sighting.name} {sighting.wrong}")
            if sighting.name != "?" and "doubled" not in sighting.wrong:
                came.append(sighting.name)
    if not step.settled:
        faults.append("equal frames from both sides no longer came out")
    return faults + model.answer(came, asked=any(map(is_ask, step.entries)))


def _send(entry: Entry, model: Comparison) -> None:
    if entry.who == "primary_in":
        model.primary(entry.data["name"], picture(entry)[1])
    elif entry.who == "secondary_in":
        model.secondary(picture(entry)[1])
    else:
        model.checkpoint()
