"""Moments in a pair's life at which a fault may fall."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.relay import Message
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.sessions import CaughtInFlight
from colo_harness.judge.verdict import Checker
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd

DEADLINE_S = 20.0
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

    A frame that reaches the primary meanwhile is mirrored at once, and queued for the guest.
    """

    def __init__(self, pair: ColoPair) -> None:
        self._pair = pair

    def begin(self) -> None:
        """Return when both sides stand still. Raises WaitTimeout."""
        since = self._pair.history.cursor()
        self._pair.hold(Message.CHECKPOINT_REPLY)
        self._pair.relay.mute()
        self._pair.relay.release()
        for vm in self._pair.vms:
            vm.await_event("STOP", since=since, timeout=DEADLINE_S)

    def end(self) -> None:
        """Let the checkpoint go on, and return when both sides run. Raises WaitTimeout."""
        since = self._pair.history.cursor()
        self._pair.relay.unmute()
        for vm in self._pair.vms:
            vm.await_event("RESUME", since=since, timeout=DEADLINE_S)
