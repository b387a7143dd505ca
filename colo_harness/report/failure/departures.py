"""Departures: in what a pair was not what the document makes of it, by its command lines, transcripts and history."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from colo_harness.colo.inspection import DOCUMENTED, PROXY
from colo_harness.colo.told import OURS, words
from colo_harness.history import Entry
from colo_harness.qemu.promises import Promises, contracts
from colo_harness.report.failure import orders
from colo_harness.report.failure.started import lines_of, options

PROXYS = ("object-", "chardev-")
"""How commands begin that are about the proxy, which not every pair has."""
CARE = {"blockdev-set-active", "stop", "cont", "quit", "yank", "qemu-io", *OURS}
"""Commands with which somebody looks after a pair, or writes to a disk in place of its guest."""
DELAY = "x-checkpoint-delay"


def departures(folder: Path, entries: Sequence[Entry]) -> str:
    """Return them a line each; nothing where there is none."""
    given = list(orders.told(folder))
    found = [*_parts(folder), *_missing(given, entries), *_beyond(given), *_delays(given, entries)]
    return "".join(f"{line}\n" for line in found)


def _parts(folder: Path) -> Iterator[str]:
    """Yield the document's objects that a side which has a proxy was started without, and those that are off."""
    for host, line in lines_of(folder):
        objects = [value for flag, value in options(line) if flag == "-object"]
        ids = {part.removeprefix("id=") for word in line for part in word.split(",") if part.startswith("id=")}
        side = "primary" if PROXY[0] in ids else "secondary"
        for name, kind in DOCUMENTED[side].items() if not ids.isdisjoint(PROXY) else ():
            if name not in ids:
                yield f"{host} was started without {kind} {name}, which the document gives a {side}"
        yield from (f"{host} was started with this switched off: {one}" for one in objects if "status=off" in one)


def _missing(given: Sequence[orders.Order], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what the document of the release has for what was done, and nobody gave.

    The release is not known here: of all documents it is the one from which least is missing, the newest of several.
    """
    done = {entry.what: entry.data for entry in entries if entry.kind == "phase"}
    document = min(reversed(contracts()), key=lambda one: len(_untold(_start(one), given)))
    if "replicating" in done and (untold := _untold(_start(document), given)):
        yield f"nobody gave, at the start: {', '.join(untold)}"
    if promoted := done.get("promoted"):
        wanted = [line for line in document.procedures[f"{promoted['role']}-failover"] if not line.startswith(PROXYS)]
        if untold := _untold(wanted, [order for order in given if order.who == promoted["host"]]):
            yield f"nobody gave {promoted['host']}, at the failover: {', '.join(untold)}"


def _start(document: Promises) -> list[str]:
    return ["migrate-set-capabilities", *document.procedures["start-secondary"], *document.procedures["start-primary"]]


def _untold(wanted: Iterable[str], given: Iterable[orders.Order]) -> list[str]:
    """Return the commands' names, each once, that nobody gave."""
    told = {_name(order) for order in given}
    return [name for name in dict.fromkeys(line.partition(" ")[0] for line in wanted) if name not in told]


def _name(order: orders.Order) -> str:
    """Return the command as the contracts name it; one of the human monitor by what it does."""
    return words(order.name, dict(order.arguments)).partition(" ")[0]


def _beyond(given: Sequence[orders.Order]) -> Iterator[str]:
    documented = {line.partition(" ")[0] for one in contracts() for told in one.procedures.values() for line in told}
    for order in given:
        if _name(order) not in documented | CARE:
            yield f"{order.who} was told at {order.at:.3f} s, and the document does not: {order}"


def _delays(given: Sequence[orders.Order], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield delays of the checkpoints that are another than the test's."""
    meant = {round(entry.data["delay_s"] * 1000) for entry in entries if "delay_s" in entry.data}
    for order in given if meant else ():
        if order.arguments.get(DELAY, next(iter(meant))) not in meant:
            yield f"{order.who} was told at {order.at:.3f} s, and the test has another delay: {order}"
