"""In the middle of long downloads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.sessions import CaughtInFlight
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd

BULK = 256 * 1024
"""Bytes of one record of a transfer: under way for far longer than the pause between two."""


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


IN_TRANSFER = InTransfer()
