"""Lines that come out of a running QEMU: its serial console and its trace."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from colo_harness.qemu.loop import Loop
from colo_harness.wait import wait_until

LONGEST = 1 << 18
"""Bytes of a line; what is longer is cut into several."""


class _Source(Protocol):
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Lines:
    """Calls `on_line` on the loop's thread for every whole line that `source` yields, until it ends."""

    def __init__(self, source: _Source, loop: Loop, on_line: Callable[[str], None]) -> None:
        self._source = source
        self._loop = loop
        self._on_line = on_line
        self._rest = b""
        os.set_blocking(source.fileno(), False)
        loop.on_readable(source.fileno(), self._read)

    def close(self) -> None:
        """Read what is left, then stop."""
        self._loop.forget(self._source.fileno())
        while self._take():
            continue
        self._source.close()

    def _read(self) -> None:
        if not self._take():
            self._loop.stop_reading(self._source.fileno())

    def _take(self) -> bool:
        """Take one piece; return False when there is none left for good or for now."""
        try:
            piece = os.read(self._source.fileno(), 65536)
        except BlockingIOError:
            return False
        except ConnectionError:
            piece = b""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST:  # a guest may never end its line
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._on_line(line.decode(errors="backslashreplace").rstrip("\r"))
        return bool(piece)


class Fifo:
    """The reading end of a FIFO that is made here; QEMU opens it for writing, as often as it likes."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path, 0o600)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # with a writer of ours it never ends

    def fileno(self) -> int:
        """Return the descriptor to read."""
        return self._fd

    def close(self) -> None:
        """Close the reading end."""
        os.close(self._fd)


def dial(path: Path, *, timeout: float, reached: Callable[[Path], bool] = Path.exists) -> socket.socket:
    """Connect to unix socket `path`, which QEMU opens at start, once it is `reached`. Raises WaitTimeout."""
    connection = socket.socket(socket.AF_UNIX)

    def connected() -> bool:
        if not reached(path):
            return False
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    wait_until(f"QEMU's socket {path.name}", connected, timeout=timeout)
    return connection
