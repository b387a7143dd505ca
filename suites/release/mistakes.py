"""What somebody does wrong with a pair."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from colo_harness.colo import procedure, start
from colo_harness.colo.entry import TERMINAL
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.sabotage import Step
from colo_harness.errors import CommandError, StartupFailed, WaitTimeout
from colo_harness.judge.refusals import EachRefused
from colo_harness.qemu import disk
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import Channel, Role
from colo_harness.wait import wait_until

UNSERVED = [step for step in start.STEPS if step not in (start.serve_replica, start.attach_replica)]
"""All that comes before `migrate`, but that no disk is exported and attached."""


@dataclass(frozen=True)
class Promised:
    """The words that the contract of the release has for a question of this kind (docs/contracts.md)."""

    kind: str
    question: str


@dataclass(frozen=True)
class Mistake:
    """A command that a side is given at the wrong time, and what QEMU says to it."""

    side: Role
    command: str
    answer: str | Promised
    arguments: Mapping[str, Any] = field(default_factory=dict)


def make(pair: ColoPair, mistakes: Iterable[Mistake]) -> None:
    """Make these mistakes, one after the other."""
    for one in mistakes:
        pair.vm(one.side).attempt(one.command, dict(one.arguments))


def refused(mistakes: Iterable[Mistake], promises: Promises) -> list[EachRefused]:
    """Return who judges that each of these was refused in its words."""
    texts: dict[str, list[str]] = {}
    for one in mistakes:
        texts.setdefault(one.command, []).append(_words(one.answer, promises))
    return [EachRefused(command, tuple(words)) for command, words in texts.items()]


def _words(answer: str | Promised, promises: Promises) -> str:
    return answer if isinstance(answer, str) else str(promises.of(answer.kind)[answer.question])


def attempt(pair: ColoPair, *steps: Step) -> None:
    """Do these steps and enter COLO; a pair that does not is left as it is, with the reason in the history."""
    try:
        pair.carry_out(steps)
        pair.enter()
    except (StartupFailed, CommandError) as failure:
        pair.history.record("phase", "pair", "refused", reason=str(failure))


def replicate_first(pair: ColoPair, count: int) -> None:
    """Start the secondary's server of disks, and export and attach the first `count` of them."""
    procedure.serve_replica(pair.vm(Role.SECONDARY), disks=count)
    for number in range(count):
        procedure.attach_replica(pair.vm(Role.PRIMARY), pair.address(Role.SECONDARY), pair.lab.contract, disk=number)


def shorten(pair: ColoPair) -> None:
    """Let the secondary's disk and its buffers be half as long as the primary's disk; none of them is open."""
    for image in pair.files[pair.host(Role.SECONDARY)].images()[0]:
        pair.lab.images.create(image, disk.SIZE // 2)


def dial(pair: ColoPair, node: str, export: str) -> None:
    """Let the primary's QEMU be a client, `node`, of an export of the secondary's, if it may."""
    server = {"type": "inet", "host": pair.address(Role.SECONDARY), "port": Channel.NBD}
    client = {"driver": "nbd", "server": server, "export": export, "node-name": node}
    pair.vm(Role.PRIMARY).attempt("blockdev-add", client)


def use(pair: ColoPair, node: str, orders: Iterable[str]) -> None:
    """Give the primary's block node these orders (qemu-io)."""
    for order in orders:
        pair.vm(Role.PRIMARY).execute("human-monitor-command", {"command-line": f'qemu-io {node} "{order}"'})


def let_migration_end(pair: ColoPair) -> None:
    """Return when the primary's migration has come to its end, or well after it was due; checkers judge."""
    primary = pair.vm(Role.PRIMARY)
    with suppress(WaitTimeout):
        wait_until(
            "the migration to end",
            lambda: primary.execute("query-migrate").get("status") in (*TERMINAL, "colo"),
            timeout=pair.timeouts.late,
        )
