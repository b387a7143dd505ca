"""What every moment is."""

from contextlib import AbstractContextManager
from typing import Protocol

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.verdict import Checker
from colo_harness.traffic.client import Client

DEADLINE_S = 20.0
"""For something that takes milliseconds."""


class Moment(Protocol):
    """A point in a pair's life that QEMU itself shows, never a time: a frozen dataclass, whose str is its name."""

    @property
    def proof(self) -> Checker:
        """It says from the history that the fault fell there; else the run proves nothing."""

    def reached(self, pair: ColoPair, client: Client) -> AbstractContextManager[None]:
        """Bring the pair there, with whatever `client` has to do for it; it stays while the block runs.

        Raises WaitTimeout where it does not come that far.
        """
