"""What sabotages do to a pair that takes more than a word to QEMU."""

import socket
from typing import TYPE_CHECKING

from colo_harness.colo import failover
from colo_harness.machine.network import GUEST

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
