"""A port: our end of one chardev's socket, through which frames go into QEMU or come out of it."""

import socket
from collections.abc import Callable, Iterable
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
        self.came: list[Packet] = []
        """What has come out and was recorded."""
        self.ended = False
        """Whether QEMU has closed the connection."""
        self._inward = inward
        self._outward = outward
        self._history = history
        self._letter = letter
        self._meddler = meddler
        self._sent = 0
        self._waiting = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)

    def connect(self) -> None:
        """Connect to the chardev."""
        self._socket.connect(str(self.path))
        self._socket.settimeout(0)

    def hang_up(self) -> None:
        """Close the connection, in the middle of whatever is under way; `connect` makes another."""
        self._socket.close()
        self._socket = socket.socket(socket.AF_UNIX)
        self._waiting.clear()
        self._outward.forget()
        self.ended = False

    def fileno(self) -> int:
        """Return the descriptor, for selectors."""
        return self._socket.fileno()

    @property
    def busy(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._waiting)

    def put(self, packet: Packet) -> str:
        """Record the packet and let it wait to be sent; return its name."""
        self._sent += 1
        name = f"{self._letter}{self._sent}"
        self._record("in", packet, name=name)
        for passed in self._meddler(packet):
            self._waiting += self._inward.pack(passed)
        return name

    def flood(self, packets: Iterable[Packet]) -> None:
        """Let packets wait to be sent that are too many to be told one by one: they have no names."""
        count = len(self._waiting)
        for packet in packets:
            self._waiting += self._inward.pack(packet)
        self._history.record("frame", self.name, "in", flood=len(self._waiting) - count)

    def put_barrier(self, packet: Packet) -> None:
        """Let a barrier wait to be sent."""
        self._waiting += self._inward.pack(packet)

    def put_raw(self, data: bytes) -> None:
        """Let bytes that need be no packet wait to be sent; recorded as they are."""
        self._history.record("frame", self.name, "in", raw=data.hex())
        self._waiting += data

    def send(self) -> None:
        """Send as much of what waits as the socket takes."""
        while self._waiting:
            try:
                taken = self._socket.send(self._waiting)
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
        for packet in self._outward.unpack(data):
            if (number := number_of(packet.frame)) is not None:
                self.passed = number
                continue
            for passed in self._meddler(packet):
                self._record("out", passed)
                self.came.append(passed)

    def forget(self) -> None:
        """Forget what has come and gone; the next packet that goes in is the first one again."""
        self._sent = 0
        self.came.clear()

    def close(self) -> None:
        """Close our end."""
        self._socket.close()

    def _record(self, way: Way, packet: Packet, **data: str) -> None:
        header = {"header": packet.header.hex()} if packet.header else {}
        self._history.append("frame", self.name, way, {**data, "hex": packet.frame.hex(), **header})
