"""While the survivor's disk is copied to the new secondary's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo import resume
from colo_harness.colo.pair import ColoPair
from colo_harness.judge.resuming import FellWhileResyncing
from colo_harness.traffic.client import Client


@dataclass(frozen=True)
class Resyncing:
    """The copy has begun and is far from its end."""

    proof = FellWhileResyncing()

    def __str__(self) -> str:
        return "in-resync"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Let a pair that was left by one side begin to resume. Raises WaitTimeout."""
        pair.ready_resync()
        pair.carry_out([resume.resync_slowly])
        yield


IN_RESYNC = Resyncing()
