"""In a checkpoint that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.verdict import Checker
from colo_harness.traffic.client import Client


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
        """Hold the next checkpoint there; it goes on in the end, unless the death of a side has ended the stream."""
        pair.hold(self.message)
        yield
        pair.relays.checkpoint.release()


BEFORE_COMMIT = Held("before-commit", Message.VMSTATE_RECEIVED, FellAt("before"))
AFTER_COMMIT = Held("after-commit", Message.VMSTATE_LOADED, FellAt("after"))
