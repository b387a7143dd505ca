"""The way into COLO, awaited: both sides run in `colo`, or the states tell why they never will."""

from collections.abc import Sequence

from colo_harness.errors import MonitorLost, StartupFailed, WaitTimeout
from colo_harness.history import History
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until

TERMINAL = ("completed", "failed", "cancelled")
"""States of `query-migrate` from which a pair never reaches `colo` (qapi/migration.json, MigrationStatus)."""


def await_colo(vms: Sequence[VM], history: History, *, since: int, timeout: float) -> None:
    """Return once all `vms` run in COLO; `since` is the cursor before `migrate`, `timeout` is in seconds.

    Raises StartupFailed with the states that were gone through.
    """

    def entered() -> bool:
        states = {vm.name: vm.execute("query-migrate").get("status") for vm in vms}
        if any(state in TERMINAL for state in states.values()):
            raise StartupFailed(f"the pair cannot enter COLO any more; {_states(vms, history, since)}")
        running = all(vm.execute("query-status")["status"] == "running" for vm in vms)
        return running and set(states.values()) == {"colo"}

    try:
        wait_until("both sides to run in COLO", entered, timeout=timeout)
    except (WaitTimeout, MonitorLost) as failure:
        text = f"the pair did not enter COLO: {failure}; {_states(vms, history, since)}"
        raise StartupFailed(text) from failure


def _states(vms: Sequence[VM], history: History, since: int) -> str:
    """Tell the migration states and run states that each side went through."""
    told = []
    for vm in vms:
        events = [e for e in history.entries[since:] if e.kind == "event" and e.who == vm.name]
        states = [e.data["status"] for e in events if e.what == "MIGRATION"]
        others = [e.what for e in events if e.what not in ("MIGRATION", "MIGRATION_PASS")]
        now = _run_state(vm)
        told.append(
            f"{vm.name} ({vm.files.folder.name}) went through {', '.join(states) or 'no state'}"
            f" with {', '.join(others) or 'no event'}, run state now {now}"
        )
    return "; ".join(told)


def _run_state(vm: VM) -> str:
    """Return the run state of a VM that may be dying."""
    try:
        return str(vm.execute("query-status")["status"]) if vm.alive else "dead"
    except MonitorLost:
        return "lost"
