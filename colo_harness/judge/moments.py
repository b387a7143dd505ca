"""Moments: the faults, promotions and watched stretches that a history tells of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from colo_harness.history import Entry


@dataclass
class Injected:
    """One fault; its moments are seconds, None where the history has no such entry."""

    number: int
    what: str
    inject: float | None = None
    bitten: float | None = None
    heal: float | None = None
    healed: float | None = None
    allows: set[str] = field(default_factory=set)

    @property
    def began(self) -> float | None:
        """When it was injected, or else when it was first seen to bite."""
        return self.bitten if self.inject is None else self.inject


@dataclass(frozen=True)
class Window:
    """The stretch between the phases "watch" and "watched"; all in seconds, `delay_s` as its start tells it."""

    start: float
    end: float
    delay_s: float | None = None

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, float | int) and self.start <= moment <= self.end


def faults(entries: Sequence[Entry]) -> list[Injected]:
    """Return the faults in order of injection."""
    found: dict[int, Injected] = {}
    for entry in entries:
        moment = entry.data.get("type")
        if entry.kind != "fault" or moment not in ("inject", "bitten", "heal", "healed"):
            continue
        number = entry.data.get("fault", 0)
        fault = found.setdefault(number, Injected(number, entry.what))
        fault.allows.update(entry.data.get("allows", ()))
        setattr(fault, moment, entry.at)
    return list(found.values())


def phases(entries: Sequence[Entry], what: str) -> list[Entry]:
    """Return the phase entries of this name, in order."""
    return [entry for entry in entries if entry.kind == "phase" and entry.what == what]


def promotions(entries: Sequence[Entry]) -> list[Entry]:
    """Return the phase entries "promoted": a survivor had carried out the documented commands."""
    return phases(entries, "promoted")


def window(entries: Sequence[Entry], label: str = "") -> Window | None:
    """Return the last watched stretch with this label (phase data `label`, "" if absent), None if there is none."""
    found, start, delay_s = None, None, None
    for entry in entries:
        if entry.kind != "phase" or entry.data.get("label", "") != label:
            continue
        if entry.what == "watch":
            start, delay_s = entry.at, entry.data.get("delay_s")
        elif entry.what == "watched" and start is not None:
            found, start = Window(start, entry.at, delay_s), None
    return found
