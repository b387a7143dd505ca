"""Sessions with one of the guest's counters, whose every answer depends on all earlier additions."""

import re
from abc import abstractmethod
from typing import Any, Literal

from colo_harness.traffic.content import derived
from colo_harness.traffic.datagram import UdpQuestions
from colo_harness.traffic.session import Session, Target, WrongAnswer
from colo_harness.traffic.tcp import TcpSession

_PORT = 9003


class Counter(Session):
    """Adds to the counter `key`, and reads it."""

    kind = "counter"
    what = "counter-add"
    over: Literal["tcp", "udp"]
    """The transport, as `Client.counter` takes it."""
    key: int

    def read(self) -> None:
        """Ask for the counter without changing it."""
        if self._usable("counter-get"):
            self._count("counter-get", f"GET {self.key}\n")

    def _exchange_one(self, n: int) -> None:
        value = derived(self.seed, n)
        self._count("counter-add", f"ADD {self.key} {value}\n", value=value)

    def _count(self, what: str, request: str, **asked: Any) -> None:
        with self.operation(what, key=self.key, **asked, **self._told()) as answer:
            line = self._answer(request)
            match = re.fullmatch(r"(\d+) (\d+)", line)
            if not match:
                raise WrongAnswer(f"neither count nor state: {line!r}")
            answer.update(n=int(match[1]), state=int(match[2]))

    def _told(self) -> dict[str, str]:
        """Return what else the history is told of each request."""
        return {}

    @abstractmethod
    def _answer(self, request: str) -> str:
        """Send the request and return the answer's line."""


class TcpCounter(Counter, TcpSession):
    """Counts over one TCP connection."""

    over = "tcp"
    port = _PORT

    def __init__(self, target: Target, name: str, *, key: int) -> None:
        self.key = key
        super().__init__(target, name)

    def _answer(self, request: str) -> str:
        self.stream.send(request.encode())
        return self.stream.line()


class UdpCounter(Counter, UdpQuestions):
    """Counts in datagrams; an addition whose answer is lost may have been made."""

    over = "udp"
    port = _PORT

    def __init__(self, target: Target, name: str, *, key: int, timeout: float) -> None:
        self.key = key
        super().__init__(target, name, timeout=timeout)

    def _told(self) -> dict[str, str]:
        return {"transport": self.over}

    def _answer(self, request: str) -> str:
        return self._question(request.encode()).decode("latin-1").removesuffix("\n")
