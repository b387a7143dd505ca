"""Between two checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.checkpoints import FellAt
from colo_harness.traffic.client import Client


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


IDLE = Idle()
