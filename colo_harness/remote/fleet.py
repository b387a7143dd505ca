"""The real hosts of a run: who they are, and what is known to be on each of them already."""

from collections import deque
from pathlib import Path
from typing import Self

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.network import HOSTS, Host
from colo_harness.qemu.loop import Loop
from colo_harness.remote.hosts import Hosts, Node, load
from colo_harness.remote.link import Link
from colo_harness.remote.there import There
from colo_harness.wait import wait_until


class Fleet:
    """Hands out sites, each with an agent of its own; a context manager.

    ssh has a loop of its own: a guest that floods its console would hold up all else on that of the monitors.
    """

    def __init__(self, path: Path) -> None:
        self.hosts: Hosts = load(path)
        self._loop = Loop()
        self._brought: dict[Host, set[Path]] = {name: set() for name in HOSTS}
        self._last: dict[Host, There] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def site(self, name: Host) -> There:
        """Send an agent to a host; one whose power was taken has its time to come up again. Raises MachineError."""
        node = self.hosts.node(name)
        link = self._await(name, node) if self._was_fenced(name) else Link(name, node, self._loop)
        self._last[name] = There(link, node, self._brought[name])
        return self._last[name]

    def _was_fenced(self, name: Host) -> bool:
        return name in self._last and self._last[name].link.fenced

    def _await(self, name: Host, node: Node) -> Link:
        refusals: deque[MachineError] = deque(maxlen=1)

        def booted() -> Link | None:
            try:
                return Link(name, node, self._loop)
            except MachineError as refusal:
                refusals.append(refusal)
                return None

        try:
            return wait_until(f"{name} to boot", booted, timeout=node.boots, interval=1)
        except WaitTimeout as down:
            raise MachineError(f"{down}: {refusals[-1].problem}", "let its fence switch it on again") from down
