"""A rehearsal: what a step of the procedure would tell the QEMUs, noted and told to none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from colo_harness.qemu.argv import Graph
from colo_harness.qemu.topology import Host
from colo_harness.qemu.vm import PEER_CHARDEVS, VM

Order = dict[str, Any]
"""One command as JSON values.

`command` is what is sent. Where there is `until`, it is sent again and again until the answer has that; where there is
`may_fail`, a refusal does not matter.
"""
Awaited = Mapping[str, Mapping[str, Any]]
TOGETHER: Awaited = MappingProxyType(
    {"query-migrate": {"status": "colo"}, "query-status": {"running": True, "status": "running"}}
)
"""What is asked for until it is so where a pair enters COLO (entry.py)."""
BY_ITSELF: Awaited = MappingProxyType(
    {"query-status": {"running": True, "status": "running"}, "query-colo-status": {"mode": "none"}}
)
"""And where a side carries on alone (failover.py)."""
IN_COLO: Awaited = MappingProxyType({"query-migrate": {"status": "colo"}})
"""What a side that is in COLO answers to other questions, and is not asked in earnest."""
PEERS = (
    {"type": "migration"},
    {"type": "block-node", "node-name": "nbd0"},
    *({"type": "chardev", "id": name} for name in PEER_CHARDEVS),
)
"""Every stream to a peer that a side may have (qapi/yank.json, YankInstance)."""


@dataclass(frozen=True)
class Rehearsal:
    """What each host is told, in order, and what its QEMU consists of afterwards."""

    orders: Mapping[Host, list[Order]]
    graphs: Mapping[Host, Graph]


class Scribe(VM):
    """A stand-in for a host's QEMU, which notes what it is told and answers with what is awaited."""

    def __init__(self, name: Host, orders: list[Order], awaited: Awaited) -> None:
        self.name = name
        self._orders = orders
        self._awaited = awaited

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        return True

    def execute(self, command: str, arguments: dict[str, Any] | None = None, *, timeout: float | None = None) -> Any:  # noqa: ARG002 - a VM's signature
        """Note a QMP command; a question only if its answer is awaited."""
        order: Order = {"command": {"execute": command, "arguments": arguments or {}}}
        answer = self._awaited.get(command)
        if answer is not None:
            order["until"] = dict(answer)
        if answer is not None or not command.startswith("query-"):
            self._orders.append(order)
        return dict(answer or IN_COLO.get(command, {}))

    def yank(self, *instances: Mapping[str, str]) -> None:
        """Note a command for each stream, out-of-band: which of them there are by then, nobody knows."""
        for one in instances or PEERS:
            command = {"exec-oob": "yank", "arguments": {"instances": [dict(one)]}}
            self._orders.append({"command": command, "may_fail": True})
