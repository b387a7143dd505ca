"""In a checkpoint that has begun on the secondary alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.checkpoints import FellAt
from colo_harness.traffic.client import Client


@dataclass(frozen=True)
class Amid:
    """The secondary has stopped for a checkpoint and the primary still runs; afterwards the checkpoint goes on."""

    proof = FellAt("before", fault=0)

    def __str__(self) -> str:
        return "amid-checkpoint"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Hold the secondary's answer to the primary's request inside the block."""
        pair.hold(Message.CHECKPOINT_REPLY)
        yield
        pair.relays.checkpoint.release()


AMID = Amid()
