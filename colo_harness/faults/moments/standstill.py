"""A forced checkpoint that stands still before any state is sent, and what reaches the secondary meanwhile."""

import re

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.machine.process import run
from colo_harness.qemu.topology import Channel, Role
from colo_harness.wait import pause, wait_until

DELAYED_ACK_S = 0.25
"""By then a client's kernel has acknowledged what it received: Linux waits 200 ms at most (TCP_DELACK_MAX)."""
SEGMENT = 1448
"""Bytes of a full TCP segment on an Ethernet, with timestamps."""


class Standstill:
    """A forced checkpoint that stands still, from `begin` to `end`, when both sides have stopped and before any state.

    The first frame that reaches the primary meanwhile is mirrored at once, and queued for the guest; those behind it
    stay in the tap device (net/tap.c, tap_send).
    """

    def __init__(self, pair: ColoPair) -> None:
        self._pair = pair
        self._mirrored = 0

    def begin(self) -> None:
        """Return when both sides stand still. Raises WaitTimeout."""
        pause(DELAYED_ACK_S)  # or it is the first frame
        since = self._pair.history.cursor()
        self._mirrored = _mirrored(self._pair)
        self._pair.hold(Message.VMSTATE_SEND)
        for vm in self._pair.vms:
            vm.await_event("STOP", since=since, timeout=DEADLINE_S)

    def await_mirrored(self) -> None:
        """Return once the secondary has read a whole segment of a client's since `begin`. Raises WaitTimeout."""
        what = "the secondary to read a mirrored segment"
        wait_until(what, lambda: _mirrored(self._pair) - self._mirrored > SEGMENT, timeout=DEADLINE_S)

    def end(self) -> None:
        """Let the checkpoint go on, and return when both sides run. Raises WaitTimeout."""
        since = self._pair.history.cursor()
        self._pair.relays.checkpoint.release()
        for vm in self._pair.vms:
            vm.await_event("RESUME", since=since, timeout=DEADLINE_S)


def _mirrored(pair: ColoPair) -> int:
    """Return how many bytes the secondary has read from its mirror stream so far."""
    namespace = pair.network.host(pair.host(Role.SECONDARY))
    stream = run(["ss", "-Htin", f"dport = :{Channel.MIRROR}"], namespace=namespace, timeout=DEADLINE_S)
    waiting, received = stream.split()[1], re.search(r"bytes_received:(\d+)", stream)
    return int(received[1]) - int(waiting) if received else 0
