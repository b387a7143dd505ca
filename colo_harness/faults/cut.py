"""Cutting one stream between the hosts, while both sides live."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.qemu.topology import Channel, Role
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until

_BITES_WITHIN = 10.0


@dataclass(frozen=True)
class _End:
    """Where a stream is yanked, and what shows that it is gone."""

    role: Role
    instance: Mapping[str, str]
    """A YankInstance (qapi/yank.json)."""
    event: tuple[Role, str] | None
    """The event by which a side shows it; None for a character device, which says so when asked."""
    allows: tuple[str, ...]


_ENDS: Mapping[Channel, _End] = MappingProxyType(
    {
        Channel.MIRROR: _End(Role.PRIMARY, {"type": "chardev", "id": "mirror0"}, None, ("stderr-network",)),
        Channel.COMPARE: _End(Role.SECONDARY, {"type": "chardev", "id": "red1"}, None, ("stderr-network",)),
        Channel.CHECKPOINT: _End(
            Role.PRIMARY,
            {"type": "migration"},
            (Role.SECONDARY, "COLO_EXIT"),
            ("colo-exit-error", "stderr-migration"),
        ),
        Channel.NBD: _End(
            Role.PRIMARY,
            {"type": "block-node", "node-name": "nbd0"},
            (Role.PRIMARY, "QUORUM_REPORT_BAD"),
            ("quorum-report-bad", "stderr-nbd"),
        ),
    }
)


@dataclass(frozen=True)
class Cut:
    """One stream between the hosts breaks, by a yank of its one end; the secondary's sockets reconnect by themselves.

    That NBD is cut shows when the guest next writes: let it write.
    """

    channel: Channel

    def __str__(self) -> str:
        return f"cut-{self.channel.name.lower()}"

    @property
    def allows(self) -> tuple[str, ...]:
        """The symptoms of this cut."""
        return _ENDS[self.channel].allows

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Yank the stream's end, and enter once the cut has shown. Raises WaitTimeout."""
        end = _ENDS[self.channel]
        vm, since = pair.vm(end.role), pair.history.cursor()
        vm.yank(dict(end.instance))
        if end.event:
            witness, event = end.event
            pair.vm(witness).await_event(event, since=since, timeout=_BITES_WITHIN)
        else:
            wait_until(f"{self} to show", lambda: is_cut(vm, end.instance["id"]), timeout=_BITES_WITHIN, interval=0.001)
        yield {"host": vm.name}


def is_cut(vm: VM, chardev: str) -> bool:
    """Tell whether nobody is at the other end of a character device."""
    told: list[dict[str, Any]] = vm.execute("query-chardev")
    return any(one["label"] == chardev and one["filename"].startswith("disconnected:") for one in told)
