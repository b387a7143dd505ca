"""The histories that checkers of measurements must reject."""

from collections.abc import Callable

from colo_harness.history import Entry
from colo_harness.judge.measuring import Measured, PausesAddUp, SettingsAsNamed
from colo_harness.judge.outages import OutagesEnd
from colo_harness.judge.prompting import LeavesAtOnce
from suites.harness.cases import Case, change
from suites.harness.histories import Match, Tape, after, is_a


def measured() -> list[Entry]:
    """Tell of one measure, taken twice, whose parts make up its seconds."""
    tape = Tape()
    for number in (1, 2):
        told = {"measure": "pause", "repetition": number, "seconds": 0.05, "parts": {"saved": 0.02, "loaded": 0.03}}
        tape.add(number, "phase", "bench", "measured", **told)
    return tape.entries


def paused() -> list[Entry]:
    """Tell of a watched stretch in which the primary takes two checkpoints, and of one before it."""
    tape = Tape().checkpoint(0.5).phase(1, "watch").checkpoint(2).checkpoint(3)
    return tape.phase(4, "watched").entries


def loaded() -> list[Entry]:
    """Tell of questions to a pair in lock-step, which takes no checkpoint meanwhile, and to one that diverges."""
    tape = Tape()
    for start, setting in ((1.0, "lock-step"), (5.0, "divergence")):
        told = {"setting": setting, "load": "questions", "repetition": 1}
        tape.add(start, "phase", "bench", "load", **told).checkpoint(start + 1.5)
        tape.add(start + (1 if setting == "lock-step" else 2), "phase", "bench", "loaded", **told)
    return tape.entries


def left() -> list[Entry]:
    """Tell of a message that left as soon as it was said, and of one that had to wait while TCP delayed."""
    tape = Tape()
    for at, way, waited in ((1.0, "delayed", 0.03), (2.0, "quick", 0.0)):
        tape.phase(at, "acknowledging", way=way)
        told = {"message": "vmstate-loaded", "said": at + 0.5, "before": at + 0.5 + (waited or -0.01)}
        tape.add(at + 0.5 + waited + 0.001, "phase", "host_b", "left", **told)
    return tape.entries


def lost() -> list[Entry]:
    """Tell of a primary that is lost, missed, fenced and replaced while a client asks."""
    tape = Tape().echo(1, 0).fault(2, "inject")
    tape.add(2.1, "phase", "host_b", "detected").add(2.2, "phase", "host_b", "fence-confirmed").phase(2.3, "promoted")
    return tape.echo(1.99, 1, took=0.6).echo(2.7, 2).entries


def says(message: str) -> Match:
    """Match a traced message."""
    return lambda entry: entry.kind == "trace" and entry.data["message"] == message


def late(at: float, match: Match) -> Callable[[list[Entry]], list[Entry]]:
    """Return what lets the first match happen at another time."""
    return change(match, at=at)


PERFORMANCE = [
    Case(Measured(("pause",), 2), measured, change(is_a("phase", "measured"), seconds=0.06), is_a("phase", "measured")),
    Case(PausesAddUp(2), paused, late(1.9, after(1.5, says("vmstate-loaded"))), is_a("phase", "watch")),
    Case(
        SettingsAsNamed((("lock-step", "questions"),), (("divergence", "questions"),)),
        loaded,
        late(1.5, is_a("event", "STOP")),
        is_a("phase", "loaded"),
    ),
    Case(
        LeavesAtOnce("vmstate-loaded", 1, "quick"),
        left,
        change(after(2, is_a("phase", "left")), before=2.5005),
        is_a("phase", "acknowledging"),
    ),
    Case(OutagesEnd(1), lost, late(9.0, is_a("phase", "promoted")), is_a("fault")),
]
