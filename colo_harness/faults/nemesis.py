"""The nemesis: injects faults into a pair, heals them in the end, and records both."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite, Fault
from colo_harness.history import History


class Nemesis:
    """A context manager; whatever was injected is healed when it closes, last one first."""

    def __init__(self, pair: ColoPair, history: History) -> None:
        self._pair = pair
        self._history = history
        self._healing = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()

    def inject(self, fault: Fault) -> None:
        """Do it, see that it bit, and record both."""
        number, self._count = self._count, self._count + 1
        self._tell(fault, number, "inject", allows=list(fault.allows))
        bite = self._healing.enter_context(self._told(fault, number))
        self._healing.callback(self._tell, fault, number, "heal")
        self._tell(fault, number, "bitten", **bite)

    def allow(self, *symptoms: str) -> None:
        """Declare symptoms that the test brings about without a fault."""
        self._history.record("fault", "nemesis", "allow", type="allow", allows=list(symptoms))

    def heal(self) -> None:
        """Undo every fault; may be called again."""
        self._healing.close()

    @contextmanager
    def _told(self, fault: Fault, number: int) -> Iterator[Bite]:
        with fault.inject(self._pair) as bite:
            yield bite
        self._tell(fault, number, "healed", **bite)

    def _tell(self, fault: Fault, number: int, kind: str, **more: Any) -> None:
        self._history.record("fault", "nemesis", str(fault), type=kind, fault=number, **more)
