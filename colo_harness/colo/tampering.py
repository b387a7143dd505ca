"""What sabotages do to a pair that takes more than a word to QEMU."""

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from colo_harness.colo import failover, resume
from colo_harness.machine.network import GUEST
from colo_harness.qemu import disk
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair

CONTROL_PORT = 9007
"""Where the Linux guest takes orders (images/README.md)."""
ANSWERS_WITHIN = 20.0
RATE = 500_000
"""Bytes a second of a slow stream: less than a tick guest writes between two checkpoints."""


def promote_and_set_back(pair: "ColoPair") -> None:
    """Promote the secondary, and let its guest set the clock of the day back by an hour."""
    failover.promote(pair)
    with pair.network.client.socket(socket.AF_INET, socket.SOCK_STREAM) as guest:
        guest.settimeout(ANSWERS_WITHIN)
        guest.connect((GUEST, CONTROL_PORT))
        guest.sendall(b"BACK\n")
        guest.recv(16)


def tire_stream(pair: "ColoPair") -> None:
    """Let the checkpoint stream be slow, unless no stretch has been watched yet."""
    if any(entry.kind == "phase" and entry.what == "watched" for entry in pair.history):
        pair.relays.checkpoint.slow(RATE)


def contradict(promises: Promises) -> Promises:
    """Deny a command that there is, and promise other answers and no procedures."""
    commands = {**promises.commands, "query-colo-status": False}
    refused, empty = dict.fromkeys(promises.in_colo, "no"), dict.fromkeys(promises.procedures, ())
    return replace(promises, commands=commands, in_colo=refused, procedures=empty)


def resync_short(pair: "ColoPair") -> None:
    """Put zeros, which a new disk holds, where the copy of the last disk ends."""
    resume.resync(pair)
    order, last = f"write -z {disk.SIZE - disk.CLUSTER} {disk.CLUSTER}", f"parent{pair.topology.disks - 1}"
    pair.vm(Role.SECONDARY).execute("human-monitor-command", {"command-line": f'qemu-io {last} "{order}"'})


def acknowledge_late(pair: "ColoPair") -> None:
    """Let both hosts acknowledge with TCP's delay."""
    pair.network.acknowledge(at_once=False)
