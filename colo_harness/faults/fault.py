"""What every fault is."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from colo_harness.colo.pair import ColoPair

Bite = dict[str, Any]
"""What is noted of a fault that bit, as JSON values; `host` is where it hit, if it hit one host alone."""


class Fault(Protocol):
    """Something that goes wrong on purpose and is undone in the end: a frozen dataclass, whose str is its name."""

    @property
    def allows(self) -> tuple[str, ...]:
        """The symptoms that it brings (colo_harness/judge/symptoms.py)."""

    def inject(self, pair: ColoPair) -> AbstractContextManager[Bite]:
        """Do it, and enter once it was seen to bite; on the way out undo it, and leave once that was seen.

        What is in the bite when the fault is healed is noted then too: what it dropped, say.
        Raises MachineError where it does not bite or does not heal.
        """
