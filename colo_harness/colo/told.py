"""What a pair's QEMUs were told in each procedure, in the words of the contracts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colo_harness.judge.moments import phases
from colo_harness.qemu.topology import Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair
    from colo_harness.history import Entry

NAMING = ("qom-type", "device", "id", "parent", "node-name", "child", "node", "job-id")
"""Arguments that say what a command is about."""
OURS = ("qmp_capabilities", "migrate-set-capabilities", "migrate-set-parameters", "announce-self", "migrate-incoming")
OURS_AT_A_RESUME = ("chardev-add", "chardev-remove")
"""Commands that the documents do not have there (docs/departures.md), and capabilities, which are looked at apart."""


@dataclass(frozen=True)
class Stretch:
    """A procedure on one host, from one moment to another, in seconds."""

    procedure: str
    host: str
    since: float
    until: float
    left_out: tuple[str, ...] = OURS


def words(command: str, arguments: dict[str, Any]) -> str:
    """Return a command with what it is about, such as `object-del comp0`."""
    if command == "human-monitor-command":
        line = arguments["command-line"]
        node = re.search(r",node-name=([\w-]+)", line)
        return f"{line.split()[0]} {node[1] if node else line.split()[-1]}"
    named = [str(arguments[name]) for name in NAMING if name in arguments]
    position = [f"before {arguments['position'].removeprefix('id=')}"] if "position" in arguments else []
    return " ".join([command, *named, *position])


def record_procedures(pair: "ColoPair", folder: Path) -> None:
    """Record, procedure by procedure, what the QEMUs with files in `folder` were told."""
    commands = sorted(_commands(folder), key=lambda one: one[1])
    for stretch in _stretches(pair.history.entries):
        told = [
            words(command, arguments)
            for host, at, command, arguments in commands
            if host == stretch.host and stretch.since <= at <= stretch.until and command not in stretch.left_out
        ]
        pair.history.record("observe", stretch.host, "found", of="procedures", name=stretch.procedure, value=told)


def _commands(folder: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Yield host, moment, name and arguments of all commands that are no questions, from the transcripts."""
    for transcript in folder.glob("host_*/qmp.qmp.jsonl"):
        host = transcript.parent.name.partition("-")[0]
        for line in map(json.loads, transcript.read_text(encoding="utf-8").splitlines()):
            name = line["message"].get("execute", "")
            if line["way"] == "to" and name and not name.startswith(("query-", "blockdev-set-active")):
                yield host, line["at"], name, line["message"].get("arguments", {})


def _stretches(entries: "list[Entry]") -> Iterator[Stretch]:
    """Yield each procedure that the history has; after a failover its survivor resumes."""
    started, replicating = phases(entries, "start"), phases(entries, "replicating")
    for begin, end in zip(started, replicating, strict=False):
        yield Stretch("start-primary", "host_a", begin.at, end.at)
        yield Stretch("start-secondary", "host_b", begin.at, end.at)
    for lost, promoted, resumed, again in zip(
        phases(entries, "failover"),
        phases(entries, "promoted"),
        phases(entries, "resume"),
        replicating[1:],
        strict=False,
    ):
        role, host = Role(lost.data["role"]), lost.data["host"]
        yield Stretch(f"{role}-failover", host, lost.at, promoted.at)
        yield Stretch(f"{role}-resume", host, resumed.at, again.at, OURS + OURS_AT_A_RESUME)
