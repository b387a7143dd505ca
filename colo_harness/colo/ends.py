"""The end of a pair whose guest ends: whoever is left is helped along, and checkers judge what came of it."""

from contextlib import suppress
from typing import TYPE_CHECKING

from colo_harness.errors import MonitorLost, WaitTimeout
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair
    from colo_harness.qemu.vm import VM

LATE = 3.0
"""Seconds after which a QEMU that is to end is not waited for any more; it takes a tenth of one."""


def let_end(pair: "ColoPair", *roles: Role) -> None:
    """Return when the QEMUs of these roles have ended, or well after that was due."""
    vms = [pair.vm(role) for role in roles]
    with suppress(WaitTimeout):
        wait_until("QEMU to end", lambda: not any(vm.alive for vm in vms), timeout=LATE * pair.timeouts.factor)


def see_off(pair: "ColoPair") -> None:
    """Let both QEMUs end with their guests, as a manager does.

    The end of the first may leave the other in a checkpoint, where its guest cannot end: it is told that it is alone.
    """
    with suppress(WaitTimeout):
        wait_until("a QEMU to end", lambda: not all(vm.alive for vm in pair.vms), timeout=LATE * pair.timeouts.factor)
        for role in [role for role in Role if pair.vm(role).alive]:
            pair.attempt_failover(role)
        let_end(pair, *Role)


def attempt_checkpoint(pair: "ColoPair") -> None:
    """Ask for a checkpoint, and return when it has let both guests go on, or well after that was due."""
    since = pair.history.cursor()
    with suppress(MonitorLost, WaitTimeout):
        pair.force_checkpoint()
        for vm in pair.vms:
            vm.await_event("RESUME", since=since, timeout=pair.timeouts.late)


def observe_left(pair: "ColoPair", moment: str) -> None:
    """Record, as `moment`, the run state of each QEMU that still answers. Raises WaitTimeout where one hangs."""
    for vm in pair.vms:
        try:
            vm.observe("query-status", moment)
        except MonitorLost:
            _await_end(vm)


def _await_end(vm: "VM") -> None:
    wait_until(f"{vm.name} to end, as it answers nothing", lambda: not vm.alive, timeout=LATE)
