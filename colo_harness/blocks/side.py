"""One side of the bench: a bare QEMU with its block nodes, its NBD server and its guest."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from colo_harness.blocks.graph import DISK, Node
from colo_harness.blocks.guest import Guest
from colo_harness.errors import CommandError
from colo_harness.history import History
from colo_harness.qemu.bare import BareQemu

Launch = Callable[[str, History], BareQemu]
"""Starts the QEMU of a side."""


class Lacking(Exception):
    """This QEMU, or the file system of its images, does not have what the test needs; the text names it."""


class Side:
    """The side called `name`; leaving the context ends its QEMU. Raises LaunchFailure."""

    def __init__(self, name: str, launch: Launch, folder: Path, history: History, *, timeout: float) -> None:
        self.name = name
        self.qemu = launch(name, history)
        self._guest: Guest | None = None
        self._folder = folder
        self.history = history
        self._timeout = timeout
        self._sockets = 0
        self._nodes: list[str] = []
        self._disk = DISK
        self._stderr_seen = 0
        self._death_seen = False

    @property
    def guest(self) -> Guest:
        """The guest, which is there between `serve` and `dismiss`. Raises LookupError."""
        if self._guest is None:
            raise LookupError(f"{self.name} serves no disk")
        return self._guest

    def add(self, nodes: Sequence[Node]) -> None:
        """Add block nodes in this order. Raises Lacking, CommandError, MonitorLost."""
        for node in nodes:
            try:
                self.qemu.execute("blockdev-add", node)
            except CommandError as refused:
                if lack := _lack(refused):
                    raise Lacking(lack) from refused
                raise
            self._nodes.append(str(node["node-name"]))
        self._disk = DISK if DISK in self._nodes else self._nodes[-1]

    def delete(self, name: str) -> None:
        """Delete a block node. Raises CommandError, MonitorLost."""
        self.qemu.execute("blockdev-del", {"node-name": name})
        self._nodes.remove(name)

    def clear(self) -> None:
        """Let the guest go, stop the NBD server and delete every block node. Raises CommandError, MonitorLost."""
        self.dismiss()
        self.qemu.execute("nbd-server-stop")
        tops = [name for name in self._nodes if name == DISK]
        for name in [*tops, *(name for name in reversed(self._nodes) if name not in tops)]:
            self.delete(name)

    def serve(self, values: Iterator[int], *, through: bool = False, also: str | None = None) -> Path:
        """Start the NBD server anew, give the guest its disk, and the other side the node `also`.

        `through` flushes after each of the guest's writes. Returns the server's socket.
        """
        self.dismiss()
        self._sockets += 1
        path = self._folder / f"{self.name}-{self._sockets}.nbd"
        self.qemu.execute("nbd-server-start", {"addr": {"type": "unix", "data": {"path": str(path)}}})
        self._export("disk", self._disk, writethrough=through)
        if also:
            self._export(also, also)
        self._guest = Guest(self.name, path, self.history, values, timeout=self._timeout)
        return path

    def dismiss(self) -> None:
        """Let the guest go, if there is one."""
        if self._guest:
            self._guest.close()
            self._guest = None

    def status(self) -> Any:
        """Return what `query-xen-replication-status` says. Raises CommandError, MonitorLost."""
        return self.qemu.execute("query-xen-replication-status")

    def collect(self) -> None:
        """Record what QEMU wrote to stderr and, once, how it ended."""
        text = self.qemu.process.stderr()
        for line in text[self._stderr_seen :].splitlines():
            self.history.record("stderr", self.name, line)
        self._stderr_seen = len(text)
        status = self.qemu.process.poll()
        if status is not None and not self._death_seen:
            self._death_seen = True
            self.history.record("observe", self.name, "exit-status", value=status)

    def _export(self, name: str, node: str, **properties: bool) -> None:
        export = {"type": "nbd", "id": name, "node-name": node, "name": name, "writable": True, **properties}
        self.qemu.execute("block-export-add", export)


def _lack(refused: CommandError) -> str:
    """Name what QEMU or the file system does not have, if that is why it refused; else nothing."""
    if "O_DIRECT" in refused.description:
        return "O_DIRECT"
    unknown = ("Unknown driver", "does not accept value", "is not supported in this QEMU")
    return refused.description if any(text in refused.description for text in unknown) else ""
