"""Moments in a pair's life at which a fault may fall."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.sessions import CaughtInFlight
from colo_harness.judge.verdict import Checker
from colo_harness.machine.process import run
from colo_harness.qemu.topology import Channel, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.wait import pause, wait_until

DEADLINE_S = 20.0
DELAYED_ACK_S = 0.25
"""By then a client's kernel has acknowledged what it received: Linux waits 200 ms at most (TCP_DELACK_MAX)."""
SEGMENT = 1448
"""Bytes of a full TCP segment on an Ethernet, with timestamps."""
BULK = 256 * 1024
"""Bytes of one record of a transfer: under way for far longer than the pause between two."""


@dataclass(frozen=True)
class Idle:
    """Between two checkpoints."""

    proof = FellAt("idle")

    def __str__(self) -> str:
        return "idle"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """The pair is there already."""
        yield


@dataclass(frozen=True)
class Held:
    """In a checkpoint that stands still because `message` of the secondary does not reach the primary."""

    name: str
    message: Message
    proof: Checker

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Hold the next checkpoint there; the lost side's death ends the stream, and so the checkpoint."""
        pair.hold(self.message)
        yield


@dataclass(frozen=True)
class InTransfer:
    """In the middle of long downloads."""

    proof = CaughtInFlight()

    def __str__(self) -> str:
        return "in-transfer"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Keep two downloads going inside the block; of uploads, docs/findings/0006 is in the way."""
        transfers = [client.download(size=BULK, pause=0), client.half_closed_download(size=BULK, pause=0)]
        with Crowd(transfers, pause=0) as crowd:
            crowd.let_answer(1)
            yield
            crowd.let_answer(1)


Moment = Idle | Held | InTransfer

IDLE = Idle()
BEFORE_COMMIT = Held("before-commit", Message.VMSTATE_RECEIVED, FellAt("before"))
AFTER_COMMIT = Held("after-commit", Message.VMSTATE_LOADED, FellAt("after"))
IN_TRANSFER = InTransfer()
MOMENTS: tuple[Moment, ...] = (IDLE, BEFORE_COMMIT, AFTER_COMMIT, IN_TRANSFER)
"""Idle, stopped before the commit (VMSTATE_RECEIVED), stopped after it, and in mid-transfer."""


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
        self._pair.relay.release()
        for vm in self._pair.vms:
            vm.await_event("RESUME", since=since, timeout=DEADLINE_S)


def _mirrored(pair: ColoPair) -> int:
    """Return how many bytes the secondary has read from its mirror stream so far."""
    namespace = pair.network.host(pair.host(Role.SECONDARY))
    stream = run(["ss", "-Htin", f"dport = :{Channel.MIRROR}"], namespace=namespace, timeout=DEADLINE_S)
    waiting, received = stream.split()[1], re.search(r"bytes_received:(\d+)", stream)
    return int(received[1]) - int(waiting) if received else 0
