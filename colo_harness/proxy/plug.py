"""A plug: our end of a netdev of QEMU's, a datagram for each frame."""

import socket
from collections import deque
from pathlib import Path

from colo_harness.errors import CommandError
from colo_harness.proxy.bench import Bench, Lacking
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet, Wire

_LARGEST = 1 << 17
WINDOW, WINDOW_BYTES = 8, 48_000
"""So much QEMU is given at once: it must never find a socket of ours full.

For then its hub lets frames overtake one another (net/net.c, qemu_flush_or_purge_queued_packets: the hub's queue is
emptied before the netdev's own). A unix socket takes at least ten datagrams (net.unix.max_dgram_qlen).
"""


class Plug(Port):
    """Our end of the netdev `name`, which QEMU joins with others in the hub of this number.

    What waits is sent a window at a time, each when `grant` is called. Frames must have a byte at least: QEMU takes an
    empty datagram for an end (net/dgram.c, net_dgram_send).
    Raises Lacking, MonitorLost.
    """

    def __init__(self, bench: Bench, name: str, *, letter: str, hub: int) -> None:
        path = bench.folder / f"{name}.qemu"
        wire = Wire()  # which nothing travels on
        super().__init__(
            name, path, bench.history, letter=letter, inward=wire, outward=wire, meddler=bench.meddler(name)
        )
        self._frames: deque[bytes] = deque()
        self._granted = 0
        bench.adopt(self)
        addresses = {"local": _unix(path), "remote": _unix(self._ours)}
        try:
            bench.qemu.execute("netdev_add", {"type": "dgram", "id": name, **addresses})
        except CommandError as refused:
            raise Lacking("netdev of the type dgram") from refused
        joint = {"type": "hubport", "id": f"{name}-port", "hubid": hub, "netdev": name}
        bench.qemu.execute("netdev_add", joint)
        self.connect()

    @property
    def busy(self) -> bool:
        """Whether something waits to be sent, and may be."""
        return self._granted > 0

    @property
    def waiting(self) -> int:
        """So many frames wait to be sent."""
        return len(self._frames)

    def grant(self) -> None:
        """Let one more window be sent; nothing of the last one may be on its way any more."""
        self._granted = size = 0
        for frame in self._frames:
            size += len(frame)
            if self._granted == WINDOW or (self._granted and size > WINDOW_BYTES):
                return
            self._granted += 1

    def send(self) -> None:
        """Send as many frames as are granted and QEMU's socket takes."""
        while self._granted:
            try:
                self._socket.send(self._frames[0])
            except BlockingIOError:
                return
            except (ConnectionRefusedError, ConnectionResetError):
                self._frames.clear()
                self._granted = 0
                return
            self._frames.popleft()
            self._granted -= 1

    def receive(self) -> None:
        """Take in and record what has come out."""
        while True:
            try:
                frame = self._socket.recv(_LARGEST)
            except BlockingIOError:
                return
            self.taken += len(frame)
            self._take(Packet(frame))

    @property
    def _ours(self) -> Path:
        return self.path.with_suffix(".ours")

    def _open(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.bind(str(self._ours))
        return opened

    def _queue(self, packet: Packet) -> None:
        self._frames.append(packet.header + packet.frame)


def _unix(path: Path) -> dict[str, str]:
    return {"type": "unix", "path": str(path)}
