"""A plug: our end of a netdev of QEMU's, a datagram for each frame."""

import socket
from collections import deque
from pathlib import Path

from colo_harness.errors import CommandError
from colo_harness.proxy.bench import Bench, Lacking
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet, Wire

_LARGEST = 1 << 17


class Plug(Port):
    """Our end of the netdev `name`, which QEMU joins with others in the hub of this number.

    Frames must have a byte at least: QEMU takes an empty datagram for an end (net/dgram.c, net_dgram_send).
    Raises Lacking, MonitorLost.
    """

    def __init__(self, bench: Bench, name: str, *, letter: str, hub: int) -> None:
        path = bench.folder / f"{name}.qemu"
        wire = Wire()  # which nothing travels on
        super().__init__(
            name, path, bench.history, letter=letter, inward=wire, outward=wire, meddler=bench.meddler(name)
        )
        self._frames: deque[bytes] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours = bench.folder / f"{name}.ours"
        self._socket.bind(str(ours))
        bench.adopt(self)
        addresses = {"local": _unix(path), "remote": _unix(ours)}
        try:
            bench.qemu.execute("netdev_add", {"type": "dgram", "id": name, **addresses})
        except CommandError as refused:
            raise Lacking("netdev of the type dgram") from refused
        joint = {"type": "hubport", "id": f"{name}-port", "hubid": hub, "netdev": name}
        bench.qemu.execute("netdev_add", joint)
        self.connect()

    @property
    def busy(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._frames)

    def send(self) -> None:
        """Send as many frames as QEMU's socket takes."""
        while self._frames:
            try:
                self._socket.send(self._frames[0])
            except BlockingIOError:
                return
            except (ConnectionRefusedError, ConnectionResetError):
                self._frames.clear()
                return
            self._frames.popleft()

    def receive(self) -> None:
        """Take in and record what has come out."""
        while True:
            try:
                frame = self._socket.recv(_LARGEST)
            except BlockingIOError:
                return
            self.taken += len(frame)
            self._take(Packet(frame))

    def _queue(self, packet: Packet) -> None:
        self._frames.append(packet.header + packet.frame)


def _unix(path: Path) -> dict[str, str]:
    return {"type": "unix", "path": str(path)}
