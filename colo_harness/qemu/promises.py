"""What QEMU's documents promise of a release: a file in contracts/ for each interval of releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from colo_harness.foreign import read_toml
from colo_harness.qemu.interval import Number, Stretch, is_development, number

FOLDER = Path(__file__).parent / "contracts"
MEND = "mend it there: docs/contracts.md says what each entry is"


@dataclass(frozen=True)
class Promises:
    """What is promised of the releases from `since` on and before `until`, in the words of the files."""

    since: str
    until: str
    seen_on: tuple[str, ...]
    """Releases that were asked, each of which did as it is promised here."""
    documents: Mapping[str, str]
    """Where in QEMU's tree it is promised."""
    forms: Mapping[str, object]
    """What `colo_harness/qemu/contract.py` probes."""
    capabilities: Mapping[str, tuple[str, ...]]
    """Of each side: what its document switches on."""
    procedures: Mapping[str, tuple[str, ...]]
    """The commands of each procedure in their order, as `colo_harness/colo/told.py` words them."""
    commands: Mapping[str, bool]
    events: Mapping[str, bool]
    features: Mapping[str, bool]
    """The migration capabilities that there are."""
    defaults: Mapping[str, Mapping[str, object]]
    """Of the properties of each of COLO's objects."""
    parameters: Mapping[str, object]
    """Defaults of the migration's parameters."""
    answers: Mapping[str, str]
    """What is said to each question of questions.toml; nothing where it is done."""
    in_colo: Mapping[str, str]
    """What a side in COLO says to each question of questions.toml; nothing where it is done."""
    options: Mapping[str, str]
    """What is said to each piece of a command line of questions.toml; nothing where it is taken."""

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"

    @property
    def replica(self) -> str:
        """The command by which a primary gets at the secondary's export."""
        return self.procedures["start-primary"][0].partition(" ")[0]

    def of(self, kind: str) -> dict[str, object]:
        """Return one kind of promises, by name."""
        if kind == "defaults":
            return {f"{of}.{name}": value for of, all_of in self.defaults.items() for name, value in all_of.items()}
        return dict(getattr(self, kind))

    def names(self, release: str) -> bool:
        """Tell whether it is a release that these promises are of; a development build never is."""
        return Stretch(self.since, self.until).holds(release)

    def distance(self, release: str) -> Number:
        """Tell how far a release is from these: by its first number, then the second, then the third."""
        here, first, end = number(release), number(self.since), number(self.until)
        near = first if here < first else min(here, end)
        return tuple(abs(one - other) for one, other in zip(here, near, strict=True))  # type: ignore[return-value]  # three of three


@cache
def contracts() -> tuple[Promises, ...]:
    """Return the promises of all intervals, in their order. Raises UsageError where a file is not as it should be."""
    found = [read_toml(path, Promises, MEND) for path in FOLDER.glob("[0-9]*.toml")]
    return tuple(sorted(found, key=lambda one: number(one.since)))


def promised(release: str) -> Promises:
    """Return the promises of a release, or those that are nearest to it: of two, the newer ones."""
    return min(reversed(contracts()), key=lambda one: one.distance(release))


def told_of(release: str) -> str:
    """Return in words which promises a release is held to."""
    nearest = promised(release)
    if nearest.names(release):
        return f"promises of {nearest}"
    why = "a development build" if is_development(release) else "no interval names it"
    return f"promises of {nearest}, the nearest: {why}"


@cache
def questions() -> Mapping[str, Mapping[str, tuple[object, ...]]]:
    """Return what a QEMU without a machine is asked, by kind and name."""
    kinds = Mapping[str, Mapping[str, tuple[object, ...]]]
    asked: Mapping[str, Mapping[str, tuple[object, ...]]] = read_toml(FOLDER / "questions.toml", kinds, MEND)
    return asked
