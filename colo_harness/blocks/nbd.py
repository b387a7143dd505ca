"""A guest's end of a disk: a client of QEMU's NBD server, as the NBD project's doc/proto.md describes it."""

import socket
import struct
from enum import IntEnum
from pathlib import Path

from colo_harness.errors import ProductFailure

_HELLO = b"NBDMAGICIHAVEOPT"
_OPTION = b"IHAVEOPT"
_GO, _ACK, _INFO, _REFUSED = 7, 1, 3, 1 << 31
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_REQUEST, _REPLY = 0x25609513, 0x67446698


class Command(IntEnum):
    """What is asked of the server."""

    READ = 0
    WRITE = 1
    LEAVE = 2
    FLUSH = 3
    ZERO = 6


class Export:
    """A connection to `name`, an export behind the unix socket `path`; one thread at a time may use it.

    An answer that does not come within `timeout` seconds raises TimeoutError. Raises ProductFailure where QEMU refuses
    the export or speaks no NBD.
    """

    def __init__(self, path: Path, name: str, *, timeout: float) -> None:
        self._next = 0
        self._lengths: dict[int, int] = {}
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(str(path))
            self._negotiate(name)
        except BaseException:
            self._socket.close()
            raise

    def ask(self, command: Command, *, at: int = 0, length: int = 0, content: bytes = b"") -> int:
        """Send a request and return its number; the answer is left to `answer`."""
        self._next += 1
        self._lengths[self._next] = length if command is Command.READ else 0
        head = struct.pack("!IHHQQI", _REQUEST, 0, command, self._next, at, len(content) or length)
        self._socket.sendall(head + content)
        return self._next

    def answer(self) -> tuple[int, int, bytes]:
        """Return of the next answer: the number of its request, its errno, 0 for success, and what was read.

        Raises TimeoutError, ConnectionError.
        """
        magic, error, number = struct.unpack("!IIQ", self._receive(16))
        if magic != _REPLY:
            raise ProductFailure(f"QEMU's NBD server sent {magic:#x} for an answer")
        length = self._lengths.pop(number)
        return number, error, b"" if error else self._receive(length)

    def close(self) -> None:
        """Take leave, where the server still listens."""
        try:
            self.ask(Command.LEAVE)
        except OSError:
            return  # it is gone already
        finally:
            self._socket.close()

    def _negotiate(self, name: str) -> None:
        if (hello := self._receive(16)) != _HELLO:
            raise ProductFailure(f"QEMU's NBD server says {hello!r}")
        self._receive(2)
        wanted = struct.pack("!I", len(name)) + name.encode() + struct.pack("!H", 0)
        self._socket.sendall(struct.pack("!I", _FIXED_NEWSTYLE | _NO_ZEROES))
        self._socket.sendall(_OPTION + struct.pack("!II", _GO, len(wanted)) + wanted)
        kind = _INFO
        while kind == _INFO:
            _, _, kind, length = struct.unpack("!QIII", self._receive(20))
            told = self._receive(length)
        if kind & _REFUSED:
            raise ProductFailure(f"QEMU does not export {name}: {told.decode(errors='replace')}")
        if kind != _ACK:
            raise ProductFailure(f"QEMU's NBD server answers with {kind:#x}")

    def _receive(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            piece = self._socket.recv(length - len(content))
            if not piece:
                raise ConnectionResetError("QEMU's NBD server has closed the connection")
            content += piece
        return bytes(content)
