"""One client session, whose every operation goes into the history."""

import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from colo_harness.errors import UsageError
from colo_harness.history import History
from colo_harness.machine.namespace import Namespace
from colo_harness.traffic.content import derived, difference, digest


class WrongAnswer(Exception):
    """The answer came and is not the right one; the text says in what."""


class Declined(Exception):
    """The answer is an error; the text is its name, `certain` that the thing asked for did not happen."""

    def __init__(self, error: str, *, certain: bool) -> None:
        super().__init__(error)
        self.certain = certain


@dataclass(frozen=True)
class Target:
    """The guest as a client sees it: `timeout` is the seconds that one answer may take."""

    namespace: Namespace
    history: History
    address: str
    timeout: float
    seed: int


class Session(ABC):
    """A session that does numbered operations; only one thread at a time may use it.

    What the product does wrong is never raised: the history holds it, and after a wrong answer or a dead
    connection the session is `broken` and asks nothing more.
    """

    kind: ClassVar[str]
    """The session's kind; its default name is "<kind>-<n>"."""
    what: ClassVar[str]
    """The history's word for what `exchange` does."""
    lossy: ClassVar[bool] = False
    """An operation may be lost without harm to the next: datagrams."""

    def __init__(self, target: Target, name: str) -> None:
        self.target = target
        self.name = name
        self.seed = derived(target.seed, name)
        self.timeout = target.timeout
        self.next_record = 0
        self.broken = False
        self.closed = False
        self._stopped = False
        self._told_broken = False
        self._deadline = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def exchange(self, records: int = 1) -> None:
        """Do `records` numbered operations one after the other, until the session breaks.

        Raises UsageError for a closed session.
        """
        if not self._usable(self.what):
            return
        for _ in range(records):
            if self.broken:
                return
            self._exchange_one(self.next_record)
            self.next_record += 1

    def close(self) -> None:
        """End the session, as an operation of its own where the connection still stands; idempotent."""
        if self.closed:
            return
        self.closed = True
        if not self.broken:
            self._say_goodbye()
        self._release()

    def abort(self) -> None:
        """Wake a thread that waits in this session; its operation ends as `info` with error "stopped"."""
        self._stopped = True
        self._interrupt()

    @contextmanager
    def operation(self, what: str, **asked: Any) -> Iterator[dict[str, Any]]:
        """Record `what` as invoked, run the body within the time for one answer, record how it ended.

        The body fills the yielded dict with the answer's data.
        """
        self._deadline = time.monotonic() + self.timeout
        op = self.target.history.invoke(self.name, what, **asked)
        answer: dict[str, Any] = {}
        try:
            yield answer
        except WrongAnswer as wrong:
            self.broken = True
            op.fail(wrong=str(wrong), **answer)
        except Declined as declined:
            (op.fail if declined.certain else op.info)(error=str(declined))
        except (OSError, EOFError) as trouble:
            self.broken = self.broken or not self.lossy or self._stopped
            op.info(**({"error": "stopped"} if self._stopped else error_data(trouble)))
        except BaseException as bug:
            op.info(error=type(bug).__name__)
            raise
        else:
            op.ok(**answer)

    def remaining(self) -> float:
        """Return the seconds that the present operation has left. Raises TimeoutError when none are."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @abstractmethod
    def _exchange_one(self, n: int) -> None:
        """Do and record operation `n`."""

    @abstractmethod
    def _interrupt(self) -> None:
        """Make a thread that waits for the socket return at once."""

    @abstractmethod
    def _release(self) -> None:
        """Close what the session holds."""

    def _say_goodbye(self) -> None:  # noqa: B027 - most sessions have nothing to say
        """Record the end of a session that is not broken, where there is something to record."""

    def _usable(self, what: str) -> bool:
        """Tell whether an operation can be tried; record once that a broken session cannot."""
        if self.closed:
            raise UsageError(f"session {self.name} is closed", "open another one")
        if self.broken and not self._told_broken:
            self._told_broken = True
            self.target.history.invoke(self.name, what, n=self.next_record).info(error="broken")
        return not self.broken


def compare(answer: dict[str, Any], sent: bytes, got: bytes) -> None:
    """Put the digests of both payloads into `answer`. Raises WrongAnswer where they differ."""
    answer.update(sent=digest(sent), got=digest(got))
    if sent != got:
        raise WrongAnswer(difference(sent, got))


def error_data(trouble: OSError | EOFError) -> dict[str, str]:
    """Name an error for the history: its class, or its errno where the class says nothing, and its errno."""
    number = trouble.errno if isinstance(trouble, OSError) else None
    code = errno.errorcode.get(number or 0)
    name = code if code and type(trouble) is OSError else type(trouble).__name__
    return {"error": name, "errno": code} if code else {"error": name}
