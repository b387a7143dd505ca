"""Departures: in what a pair was not what the document makes of it, by its command lines, transcripts and history."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from colo_harness.colo.inspection import DOCUMENTED, PROXY
from colo_harness.history import Entry
from colo_harness.report.failure import orders
from colo_harness.report.failure.started import lines_of, options

START = (
    "migrate-set-capabilities",
    "nbd-server-start",
    "nbd-server-add",
    "blockdev-add",
    "x-blockdev-change",
    "migrate",
)
FAILOVER = {
    "primary": ("x-blockdev-change", "x-colo-lost-heartbeat"),
    "secondary": ("nbd-server-stop", "x-colo-lost-heartbeat"),
}
"""What a survivor is told, by the role that it had."""
HMP = "human-monitor-command"
"""By which releases before 11 attach a disk."""
KNOWN = {
    *(*START, *(name for told in FAILOVER.values() for name in told), HMP),
    *("migrate-set-parameters", "migrate-incoming", "blockdev-del", "blockdev-set-active", "drive-mirror"),
    *("block-job-cancel", "announce-self", "stop", "cont", "quit", "yank"),
    *(f"{kind}-{deed}" for kind in ("object", "chardev", "device") for deed in ("add", "del", "remove")),
}
"""The commands of the document's procedures, and those with which somebody looks after a pair."""
DELAY = "x-checkpoint-delay"


def departures(folder: Path, entries: Sequence[Entry]) -> str:
    """Return them a line each; nothing where there is none."""
    given = list(orders.told(folder))
    found = [*_parts(folder), *_missing(given, entries), *_beyond(given), *_delays(given, entries)]
    return "".join(f"{line}\n" for line in found)


def _parts(folder: Path) -> Iterator[str]:
    """Yield the document's objects that a side which has a proxy was started without, and those that are off."""
    for host, words in lines_of(folder):
        objects = [value for flag, value in options(words) if flag == "-object"]
        ids = {part.removeprefix("id=") for word in words for part in word.split(",") if part.startswith("id=")}
        side = "primary" if PROXY[0] in ids else "secondary"
        for name, kind in DOCUMENTED[side].items() if not ids.isdisjoint(PROXY) else ():
            if name not in ids:
                yield f"{host} was started without {kind} {name}, which the document gives a {side}"
        yield from (f"{host} was started with this switched off: {one}" for one in objects if "status=off" in one)


def _missing(given: Sequence[orders.Order], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the document's commands of what was done that nobody gave."""
    told = {(order.who, order.name) for order in given}
    names = {name for _, name in told}
    done = {entry.what: entry for entry in entries if entry.kind == "phase"}
    attached = {"blockdev-add", "x-blockdev-change"} if HMP in names else set()
    missing = [name for name in START if name not in names | attached] if "replicating" in done else []
    if missing:
        yield f"nobody gave, at the start: {', '.join(missing)}"
    if promoted := done.get("promoted"):
        host, role = str(promoted.data.get("host", "")), str(promoted.data.get("role", ""))
        if missing := [name for name in FAILOVER.get(role, ()) if (host, name) not in told]:
            yield f"nobody gave {host}, at the failover: {', '.join(missing)}"


def _beyond(given: Sequence[orders.Order]) -> Iterator[str]:
    for order in given:
        if order.name not in KNOWN:
            words = f"{order.name} {order.arguments}".rstrip()
            yield f"{order.who} was told at {order.at:.3f} s, and the document does not: {words}"


def _delays(given: Sequence[orders.Order], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield delays of the checkpoints that are another than the test's."""
    meant = {f'"{DELAY}": {entry.data["delay_s"] * 1000:.0f}' for entry in entries if "delay_s" in entry.data}
    for order in given if meant else ():
        if DELAY in order.arguments and not any(one in order.arguments for one in meant):
            yield f"{order.who} was told at {order.at:.3f} s, and the test has another delay: {order.arguments}"
