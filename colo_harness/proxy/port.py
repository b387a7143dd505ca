"""A port: our end of one chardev's socket, through which frames go into QEMU or come out of it."""

import socket
import struct
from collections.abc import Callable, Iterable
from fcntl import ioctl
from pathlib import Path
from typing import Literal

from colo_harness.history import History
from colo_harness.proxy.barrier import number_of
from colo_harness.proxy.wire import Packet, Wire

Way = Literal["in", "out"]
"""As QEMU sees it."""
Meddler = Callable[[Packet], Iterable[Packet]]
"""A man in the middle: what goes on in place of the packet that came to him."""

_CHUNK = 1 << 18
_SIOCOUTQ = 0x5411


def honest(packet: Packet) -> Iterable[Packet]:
    """Pass each packet on as it is."""
    yield packet


class Port:
    """Our end of the chardev `name` at the unix socket `path`.

    Each packet is recorded in the history as a `frame`: who is the port, what is "in" or "out" as QEMU sees it; the
    data are "hex" (the frame), "header" (in hex, where there is one), and for one that went in its "name": `letter` and
    a number from 1. Between this record and QEMU stands the `meddler`. Barriers pass him by and are not recorded.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        history: History,
        *,
        letter: str,
        inward: Wire,
        outward: Wire,
        meddler: Meddler = honest,
    ) -> None:
        self.name = name
        self.path = path
        self.passed = 0
        """The number of the last barrier that came out."""
        self.mute = False
        """Whether what comes out is passed over: neither recorded nor kept."""
        self.came: list[Packet] = []
        """What has come out and was recorded."""
        self.taken = 0
        """So many bytes have come out."""
        self.piece: int | None = None
        """So many bytes are sent at once at most, each piece when QEMU has read the one before; None is no limit."""
        self.ended = True
        """Whether there is no connection yet, or QEMU has closed it."""
        self._inward = inward
        self._outward = outward
        self._history = history
        self._letter = letter
        self._meddler = meddler
        self._sent = 0
        self._waiting = bytearray()
        self._socket = self._open()

    def connect(self) -> None:
        """Connect to the chardev."""
        self._socket.connect(str(self.path))
        self._socket.settimeout(0)
        self.ended = False

    def hang_up(self) -> None:
        """Close the connection, in the middle of whatever is under way; `connect` makes another."""
        self._socket.close()
        self._socket = self._open()
        self._waiting.clear()
        self._outward.forget()
        self.ended = True

    def fileno(self) -> int:
        """Return the descriptor, for selectors."""
        return self._socket.fileno()

    @property
    def busy(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._waiting)

    @property
    def unread(self) -> int:
        """What the socket has taken and QEMU has not read, in bytes as the kernel accounts for them."""
        return int(struct.unpack("i", ioctl(self._socket, _SIOCOUTQ, bytes(4)))[0])

    @property
    def rest(self) -> bytes:
        """What has come out of a packet that is not whole."""
        return self._outward.rest

    def put(self, packet: Packet, **told: str) -> str:
        """Record the packet, and what else is told of it, and let it wait to be sent; return its name."""
        self._sent += 1
        name = f"{self._letter}{self._sent}"
        self._record("in", packet, name=name, **told)
        for passed in self._meddler(packet):
            self._queue(passed)
        return name

    def flood(self, packets: Iterable[Packet]) -> None:
        """Let packets wait to be sent that are too many to be told one by one: they have no names."""
        count = len(self._waiting)
        for packet in packets:
            self._waiting += self._inward.pack(packet)
        self._history.record("frame", self.name, "in", flood=len(self._waiting) - count)

    def put_barrier(self, packet: Packet) -> None:
        """Let a barrier wait to be sent."""
        self._queue(packet)

    def put_raw(self, data: bytes) -> None:
        """Let bytes that need be no packet wait to be sent; recorded as they are."""
        self._history.record("frame", self.name, "in", raw=data.hex())
        self._waiting += data

    def send(self) -> None:
        """Send as much of what waits as the socket takes."""
        while self._waiting and not (self.piece and self.unread):
            try:
                taken = self._socket.send(self._waiting[: self.piece] if self.piece else self._waiting)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self._waiting.clear()
                return
            del self._waiting[:taken]

    def receive(self) -> None:
        """Take in and record what has come out."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.taken += len(data)
        for packet in self._outward.unpack(data):
            self._take(packet)

    def forget(self) -> None:
        """Forget what has come and gone; the next packet that goes in is the first one again."""
        self._sent = 0
        self.came.clear()

    def close(self) -> None:
        """Close our end."""
        self._socket.close()

    def _open(self) -> socket.socket:
        return socket.socket(socket.AF_UNIX)

    def _queue(self, packet: Packet) -> None:
        self._waiting += self._inward.pack(packet)

    def _take(self, packet: Packet) -> None:
        if (number := number_of(packet.frame)) is not None:
            self.passed = number
            return
        if self.mute:
            return
        for passed in self._meddler(packet):
            self._record("out", passed)
            self.came.append(passed)

    def _record(self, way: Way, packet: Packet, **data: str) -> None:
        header = {"header": packet.header.hex()} if packet.header else {}
        self._history.append("frame", self.name, way, {**data, "hex": packet.frame.hex(), **header})
