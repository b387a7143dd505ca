"""A TCP connection that is read in lines and exact lengths, each within a deadline."""

import contextlib
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable

from colo_harness.traffic.session import WrongAnswer

_LONGEST_LINE = 4096


class Stream:
    """A connected socket with a buffer; `remaining` returns the seconds left and raises TimeoutError at none.

    All methods raise what the socket raises, TimeoutError, and EOFError where the peer ended too early.
    """

    def __init__(self, connection: socket.socket, remaining: Callable[[], float]) -> None:
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._remaining = remaining
        self._buffer = bytearray()

    def connect(self, address: str, port: int) -> None:
        """Connect to the peer."""
        self.socket.settimeout(self._remaining())
        self.socket.connect((address, port))

    def send(self, data: bytes) -> None:
        """Hand all of `data` to the kernel."""
        self.socket.settimeout(self._remaining())
        self.socket.sendall(data)

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        while len(self._buffer) < size:
            self._fill()
        return self._take(size)

    def line(self) -> str:
        """Return the next line, without its end. Raises WrongAnswer where it has none or is not ASCII."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if start > _LONGEST_LINE:
                raise WrongAnswer(f"a line without end: {bytes(self._buffer[:64])!r}")
            self._fill()
        text = self._take(end + 1)[:-1]
        if not text.isascii():
            raise WrongAnswer(f"not a line of text: {text[:64]!r}")
        return text.decode("ascii")

    def end(self) -> None:
        """Wait for the peer's end of the stream. Raises WrongAnswer where more data come."""
        if not self._buffer:
            try:
                self._fill()
            except EOFError:
                return
        raise WrongAnswer(f"data in place of the end: {bytes(self._buffer[:64])!r}")

    def half_close(self) -> None:
        """Send no more; the peer still may."""
        self.socket.shutdown(socket.SHUT_WR)

    def waiting(self) -> int:
        """Return how many bytes have arrived and were not read (SIOCINQ, tcp(7))."""
        queued: int = struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, bytes(4)))[0]
        return len(self._buffer) + queued

    def unacknowledged(self) -> int:
        """Return how many bytes that were sent the peer's kernel has not acknowledged."""
        raw = fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", raw)[0])

    def check_idle(self) -> None:
        """Make sure that the peer neither sent what nobody asked for, nor ended.

        Raises WrongAnswer for data, EOFError for the peer's end, OSError for a dead connection.
        """
        self.socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self._fill_now()
        if self._buffer:
            raise WrongAnswer(f"data that nobody asked for: {bytes(self._buffer[:64])!r}")

    def check_alive(self) -> None:
        """Raise the OSError that has hit the connection unnoticed, if any; data may be on their way."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    def interrupt(self) -> None:
        """Wake whoever waits in this connection."""
        with contextlib.suppress(OSError):  # never connected, or dead already: nobody waits in it
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; the kernel sends FIN, or RST where data were not read."""
        self.socket.close()

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        self.socket.settimeout(self._remaining())
        self._fill_now()

    def _fill_now(self) -> None:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self._buffer += chunk
