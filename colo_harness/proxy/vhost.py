"""A vhost-user backend that moves no frame: as much of one as QEMU waits for when it makes the netdev."""

import socket
import struct
import threading
from typing import Self

from colo_harness.proxy.bench import Bench

NETDEV = "vhost"
_HEADER = struct.Struct("<III")
_FEATURES, _REPLY = 1, 0b101
"""VHOST_USER_GET_FEATURES; version 1, and the mark of a reply (QEMU's docs/interop/vhost-user.rst)."""
_OFFERED = struct.pack("<Q", 1 << 32)
"""VIRTIO_F_VERSION_1."""


class Backend:
    """Makes the netdev NETDEV of a bench, and serves it until it is closed. Raises CommandError, MonitorLost."""

    def __init__(self, bench: Bench) -> None:
        path = bench.folder / f"{NETDEV}.sock"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, name=NETDEV, daemon=True)
        self._thread.start()
        where = {"addr": {"type": "unix", "data": {"path": str(path)}}, "server": False}
        bench.qemu.execute("chardev-add", {"id": NETDEV, "backend": {"type": "socket", "data": where}})
        bench.qemu.execute("netdev_add", {"type": "vhost-user", "id": NETDEV, "chardev": NETDEV})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        """Say which features there are, as often as QEMU asks; what else it says needs no answer."""
        try:
            peer, _ = self._listening.accept()
        except OSError:  # closed before QEMU came
            return
        with peer, peer.makefile("rb") as said:
            while header := said.read(_HEADER.size):
                request, _, size = _HEADER.unpack(header)
                said.read(size)
                if request == _FEATURES:
                    peer.sendall(_HEADER.pack(_FEATURES, _REPLY, len(_OFFERED)) + _OFFERED)
