"""In a checkpoint that an answer forced, which is not alike on both sides."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.judge.checkpoints import FellAt
from colo_harness.judge.verdict import Checker
from colo_harness.traffic.client import Client


@dataclass(frozen=True)
class Forced:
    """In a checkpoint that stands still as in `Held`, and that a client's question has forced."""

    name: str
    message: Message
    proof: Checker

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Let each side write its own letter to its disk, and ask which; the answer comes, here or in the end."""
        log = client.log()
        slot = next(log.slots)
        log.mark(slot)
        pair.relays.checkpoint.hold(self.message)
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(log.read, slot)
            pair.relays.await_held(timeout=DEADLINE_S)
            yield
            asked.result()
        log.read(slot)


FORCED_BEFORE_COMMIT = Forced("forced-before-commit", Message.VMSTATE_RECEIVED, FellAt("before"))
FORCED_AFTER_COMMIT = Forced("forced-after-commit", Message.VMSTATE_LOADED, FellAt("after"))
