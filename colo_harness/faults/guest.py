"""What a guest does to itself: it powers off, reboots or panics. Both sides' guests are told the same."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.history import Entry
from colo_harness.machine.network import GUEST
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM

PORT = 9007
"""A datagram here ends the guest at once, and nothing is answered that would wait for the other side."""
OBEYED_WITHIN = 20.0
ENDS = ("SHUTDOWN", "RESET", "GUEST_PANICKED")
"""The events by which a QEMU tells that its guest has come to an end (qapi/run-state.json)."""


@dataclass(frozen=True)
class Poweroff:
    """The guest powers itself off. It is seen on the side that has the role `on`, or on whichever is first."""

    on: Role | None = None

    allows = ("shutdown", *PEER_LOST)

    def __str__(self) -> str:
        return "guest-poweroff"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell the guest, and enter once it has done it; nothing heals it. Raises WaitTimeout."""
        yield _tell(pair, "POWEROFF", self.on)


@dataclass(frozen=True)
class Panic:
    """The guest's kernel panics. It is seen on the side that has the role `on`, or on whichever is first."""

    on: Role | None = None

    allows = ("guest-panicked", "shutdown", *(f"console-{what}" for what in ("panic", "oops", "trace")), *PEER_LOST)

    def __str__(self) -> str:
        return "guest-panic"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell the guest, and enter once it has done it; nothing heals it. Raises WaitTimeout."""
        yield _tell(pair, "PANIC", self.on)


@dataclass(frozen=True)
class Reboot:
    """The guest reboots; its services are there again when this is healed."""

    allows = ("guest-reset", "shutdown")

    def __str__(self) -> str:
        return "guest-reboot"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell the guest, enter once the primary's has done it, and leave once it is up again. Raises WaitTimeout."""
        primary, since = pair.vm(Role.PRIMARY), pair.history.cursor()
        yield _tell(pair, "REBOOT", Role.PRIMARY)
        if primary.alive:
            _await_up(pair, primary, since)


@dataclass(frozen=True)
class PowerCycle:
    """The guest of whoever is alone loses its power and begins anew; its services are there again in the end."""

    allows = ("guest-reset",)  # the firmware resets once more by itself

    def __str__(self) -> str:
        return "power-cycle"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Reset the machine, enter once that was done, and leave once the guest is up again. Raises WaitTimeout."""
        alone, since = pair.vm(Role.PRIMARY), pair.history.cursor()
        alone.execute("system_reset")
        alone.await_event("RESET", since=since, timeout=pair.timeouts.command)
        yield {"host": alone.name}
        _await_up(pair, alone, since)


def _await_up(pair: ColoPair, vm: VM, since: int) -> None:
    def is_up(entry: Entry) -> bool:
        return (entry.kind, entry.who, entry.what) == ("console", vm.name, "GUEST-READY")

    pair.history.wait_for(f"{vm.name} to be up", is_up, since=since, timeout=pair.timeouts.boot)


def _tell(pair: ColoPair, word: str, role: Role | None) -> Bite:
    """Send the datagram, and return once the guest of `role`, or of either, has obeyed. Raises WaitTimeout."""
    hosts, since = [vm.name for vm in pair.vms if role is None or vm is pair.vm(role)], pair.history.cursor()
    with pair.network.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(word.encode(), (GUEST, PORT))

    def obeyed(entry: Entry) -> bool:
        return entry.kind == "event" and entry.who in hosts and entry.what in ENDS

    told = pair.history.wait_for(f"{' or '.join(hosts)} to {word}", obeyed, since=since, timeout=OBEYED_WITHIN)
    return {"first": told.who, "event": told.what}
