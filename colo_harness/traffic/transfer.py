"""Long transfers: streams of records in one direction."""

import zlib
from typing import Any

from colo_harness.traffic.content import digest, digest_of, lines
from colo_harness.traffic.session import Target, WrongAnswer, compare
from colo_harness.traffic.tcp import TcpSession
from colo_harness.wait import wait_until

_MANY = 1_000_000


class Download(TcpSession):
    """The guest sends a long stream of records, from the moment of the connection on.

    What lay in the client's kernel before a record was waited for proves nothing about the guest of now: such
    records are read too, marked `early`, and `exchange` does not count them. The receive buffer is small, so
    that they are few.
    """

    kind = what = "download"
    port = 9001
    receive_buffer = 16384
    half_closed = False

    def __init__(
        self,
        target: Target,
        name: str,
        *,
        records: int = _MANY,
        size: int = 1024,
        pause: float = 0.01,
    ) -> None:
        self.records = records
        self.size = size
        self.pause = pause
        super().__init__(target, name)

    def exchange(self, records: int = 1) -> None:
        """Read what has arrived already, then wait for `records` more, to the last one at most.

        Raises UsageError for a closed session.
        """
        if not self._usable("download"):
            return
        for _ in range(self.stream.waiting() // self.size):
            self._exchange_one(self.next_record, early=True)
            self.next_record += 1
            if self.broken:
                return
        super().exchange(min(records, self.records - self.next_record))

    def finish(self) -> None:
        """Read all the records that are left, then the service's end; close."""
        if not self._usable("download"):
            return
        super().exchange(self.records - self.next_record)
        if not self.broken:
            with self.operation("close"):
                self.stream.end()
        self.closed = True
        self._release()

    def _greet(self) -> None:
        pause_us = round(self.pause * 1e6)
        self.stream.send(f"DOWN {self.seed} {self.records} {self.size} {pause_us}\n".encode())
        if self.half_closed:
            self.stream.half_close()

    def _exchange_one(self, n: int, **marks: Any) -> None:
        sent = lines(self.seed, n, self.size)
        with self.operation("download", n=n, **marks) as answer:
            compare(answer, sent, self.stream.exactly(self.size))

    def _say_goodbye(self) -> None:
        with self.operation("close"):
            self.stream.check_alive()


class HalfClosedDownload(Download):
    """A download whose client has ended its own direction right after the request."""

    kind = "half-closed-download"
    half_closed = True


class Upload(TcpSession):
    """Each record is sent and acknowledged with its checksum."""

    kind = what = "upload"
    port = 9002

    def __init__(self, target: Target, name: str, *, records: int = _MANY, size: int = 1024) -> None:
        self.records = records
        self.size = size
        super().__init__(target, name)

    def finish(self) -> None:
        """Half-close, wait for the service's count of the records and for its end; close."""
        if not self._usable("close"):
            return
        with self.operation("close", n=self.next_record) as answer:
            if self.next_record < self.records:
                self.stream.half_close()
            line = self.stream.line()
            answer.update(sent=self.next_record, got=line.removeprefix("DONE "))
            if line != f"DONE {self.next_record}":
                raise WrongAnswer(f"{line!r} after {self.next_record} records")
            self.stream.end()
        self.closed = True
        self._release()

    def await_sent(self, *, timeout: float) -> int:
        """Return how many bytes are under way, once there are any; seconds. Raises WaitTimeout."""
        return wait_until("a record to be under way", lambda: self.stream.unacknowledged() or None, timeout=timeout)

    def await_acknowledged(self, under_way: int, *, timeout: float) -> None:
        """Return once TCP has acknowledged the first of `under_way` bytes; seconds. Raises WaitTimeout."""
        what = "TCP to acknowledge the first bytes of a record"
        wait_until(what, lambda: self.stream.unacknowledged() < under_way, timeout=timeout)

    def _greet(self) -> None:
        self.stream.send(f"UP {self.seed} {self.records} {self.size}\n".encode())

    def _exchange_one(self, n: int) -> None:
        sent = lines(self.seed, n, self.size)
        with self.operation("upload", n=n) as answer:
            self.stream.send(sent)
            line = self.stream.line()
            if line != f"ACK {n} {zlib.crc32(sent):08x}":
                raise WrongAnswer(f"{line!r} in place of ACK {n} {zlib.crc32(sent):08x}")
            answer.update(sent=digest(sent), got=digest_of(int(line.split()[2], 16), len(sent)))
