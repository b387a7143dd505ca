"""A listener: our end of a chardev that connects to us, and again when we hang up."""

import socket

from colo_harness.errors import CommandError, WaitTimeout
from colo_harness.proxy.bench import Bench
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Wire

SOON = 10
"""Milliseconds after which QEMU connects again; a QEMU that counts in seconds takes one."""


class Listener(Port):
    """Our end of the chardev `name`, which is made here; `connect` waits until it connects, or does so again."""

    def __init__(self, bench: Bench, name: str, *, letter: str, vnet: bool) -> None:
        path = bench.folder / f"{name}.sock"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._listening.settimeout(bench.timeouts.command)
        wires = {"inward": Wire(vnet=vnet), "outward": Wire(vnet=vnet)}
        super().__init__(name, path, bench.history, letter=letter, meddler=bench.meddler(name), **wires)
        bench.adopt(self)
        where = {"addr": {"type": "unix", "data": {"path": str(path)}}, "server": False}
        try:
            self._make(bench, {**where, "reconnect-ms": SOON})
        except CommandError:
            self._make(bench, {**where, "reconnect": 1})

    def connect(self) -> None:
        """Wait until QEMU connects. Raises WaitTimeout."""
        self._socket.close()
        try:
            self._socket, _ = self._listening.accept()
        except TimeoutError as alone:
            patience = self._listening.gettimeout()
            raise WaitTimeout(f"waited {patience:g} s for QEMU to connect to {self.name}") from alone
        self._socket.settimeout(0)
        self.ended = False

    def close(self) -> None:
        """Close our ends."""
        super().close()
        self._listening.close()

    def _make(self, bench: Bench, data: dict[str, object]) -> None:
        bench.qemu.execute("chardev-add", {"id": self.name, "backend": {"type": "socket", "data": data}})
