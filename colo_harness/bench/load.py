"""Loads of one client, whose time is taken: bytes in either direction, questions, records on disk.

A load waits for all of its answers and checks how many bytes they have; what is in them, other tests look at.
"""

import selectors
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from types import MappingProxyType
from typing import Self

from colo_harness.errors import GuestFailure
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import GUEST
from colo_harness.qemu.disk import LAST_SLOT
from colo_harness.traffic.content import lines
from colo_harness.traffic.disk import DiskLog
from colo_harness.traffic.tcp import Echo
from colo_harness.traffic.transfer import Download, Upload

RECORD = 1 << 16
ENDLESS = 1_000_000
"""So many records no load comes to."""
QUESTION = 64
LASTING = 1.0
"""Seconds that a load goes on: several checkpoints of a pair that takes them often."""
UNDER_WAY = 2
"""So many records of an upload are sent ahead of their acknowledgements."""
QUESTIONS, LEAST = 512, 4
"""So many all sessions of a crowd ask together, but each asks some."""
PATIENCE = 60.0
"""Seconds that one answer may take."""
MIB = 1 << 20


@dataclass(frozen=True)
class Taken:
    """Seconds for one MiB, or for one answer, in the mean; and those of each answer where there are any."""

    seconds: float
    answers: list[float] = field(default_factory=list)


Load = Callable[[Namespace], Taken]


class _Line:
    """A connection to one of the guest's services."""

    def __init__(self, client: Namespace, port: int) -> None:
        self.socket = client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect((GUEST, port))
        except OSError as trouble:
            self.socket.close()
            raise GuestFailure(f"no connection to port {port} within {PATIENCE:g} s: {trouble!r}") from trouble

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def hear(self, most: int = 1 << 18) -> bytes:
        """Return what comes next. Raises GuestFailure."""
        try:
            chunk = self.socket.recv(most)
        except OSError as trouble:
            raise GuestFailure(f"nothing came within {PATIENCE:g} s: {trouble!r}") from trouble
        if not chunk:
            raise GuestFailure("the guest hung up")
        return chunk

    def ask(self, question: bytes, size: int = 0) -> None:
        """Send a question; return when its answer, a line or so many bytes, has come. Raises GuestFailure."""
        self.socket.sendall(question)
        got = b""
        while len(got) < size or not (size or got.endswith(b"\n")):
            got += self.hear()


def download(client: Namespace) -> Taken:
    """Let the guest send over TCP, as fast as it goes."""
    with _Line(client, Download.port) as line:
        line.ask(f"DOWN 1 {ENDLESS} {RECORD} 0\n".encode(), size=RECORD)
        start, size = time.monotonic(), 0
        while (passed := time.monotonic() - start) < LASTING or not size:
            size += len(line.hear())
        return Taken(passed * MIB / size)


def upload(client: Namespace) -> Taken:
    """Send to the guest over TCP, as fast as it goes; it checks and acknowledges each 64 KiB."""
    with _Line(client, Upload.port) as line:
        records = map(partial(lines, 1, size=RECORD), count())
        line.ask(f"UP 1 {ENDLESS} {RECORD}\n".encode() + next(records))
        line.socket.sendall(b"".join(islice(records, UNDER_WAY)))
        start, checked = time.monotonic(), 0
        while (passed := time.monotonic() - start) < LASTING or not checked:
            for _ in range(line.hear().count(b"\n")):
                checked += 1
                line.socket.sendall(next(records))
        return Taken(passed * MIB / (checked * RECORD))


def request_response(client: Namespace) -> Taken:
    """Ask and await the answer, one after the other over one connection: echoes of 64 bytes."""
    with _Line(client, Echo.port) as line:
        return _each(lambda _: line.ask(b"?" * QUESTION, size=QUESTION))


def disk_writes(client: Namespace) -> Taken:
    """Let the guest write and flush 4 KiB to its disk, one after the other, each acknowledged."""
    with _Line(client, DiskLog.port) as line:
        return _each(lambda number: line.ask(f"APPEND {number % LAST_SLOT} text\n".encode()))


LOADS: Mapping[str, Load] = MappingProxyType(
    {"request/response": request_response, "down": download, "up": upload, "disk writes": disk_writes}
)


def crowd(client: Namespace, sessions: int) -> Taken:
    """Let so many sessions ask side by side, each one question at a time; the seconds are all answers' together.

    Raises GuestFailure.
    """
    answers: list[float] = []
    rounds = max(LEAST, QUESTIONS // sessions)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        asking = [stack.enter_context(_Line(client, Echo.port)) for _ in range(sessions)]
        start = time.monotonic()
        for line in asking:
            selector.register(line.socket, selectors.EVENT_READ, _Asker(line, rounds, answers))
        while selector.get_map():
            ready = selector.select(PATIENCE)
            if not ready:
                raise GuestFailure(f"{len(selector.get_map())} of {sessions} sessions wait for more than {PATIENCE} s")
            for key, _ in ready:
                if not key.data.hear():
                    selector.unregister(key.fileobj)
        return Taken((time.monotonic() - start) / len(answers), answers)


class _Asker:
    """A session of a crowd, which has asked its first question."""

    def __init__(self, line: _Line, left: int, answers: list[float]) -> None:
        self._line = line
        self._left = left
        self._answers = answers
        self._ask()

    def hear(self) -> bool:
        """Take what has come, and ask again after a whole answer; return whether one is due. Raises GuestFailure."""
        self._due -= len(self._line.hear(QUESTION))
        if not self._due:
            self._answers.append(time.monotonic() - self._asked)
            self._left -= 1
            if self._left:
                self._ask()
        return bool(self._left)

    def _ask(self) -> None:
        self._due, self._asked = QUESTION, time.monotonic()
        self._line.socket.sendall(b"?" * QUESTION)


def _each(work: Callable[[int], None]) -> Taken:
    """Do it again and again, after once for nothing: the first one waits for an address, or a page of code."""
    work(0)
    answers: list[float] = []
    start = before = time.monotonic()
    while before - start < LASTING or not answers:
        work(len(answers) + 1)
        before, answered = (now := time.monotonic()), now - before
        answers.append(answered)
    return Taken((before - start) / len(answers), answers)
