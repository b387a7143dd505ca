"""The desk of a running pair: what may be asked of it, by the names that `colo pair` has."""

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from shlex import join
from typing import Any

from colo_harness.colo.lab import Lab
from colo_harness.colo.ledger import Account, Ledger
from colo_harness.colo.message import TRANSACTION, Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.running import Running
from colo_harness.colo.stepper import Stepper
from colo_harness.errors import CommandError, UsageError
from colo_harness.machine.debugger import attaching
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import CLIENT, GUEST
from colo_harness.qemu.topology import HOSTS, Role
from colo_harness.qemu.vm import VM

COMMANDS = ("status", "qmp", "checkpoint", "step", "kill", "freeze", "failover", "resume")
WORDS = (*HOSTS, *Role)
ALIVE = ("running", "paused")
"""Run states of a QEMU that answers: a checkpoint pauses it."""


class Desk:
    """Does one thing at a time to the pair; `status` asks QEMU nothing and never waits."""

    def __init__(self, running: Running, pair: ColoPair, lab: Lab) -> None:
        self.folder = running.folder
        self._name = running.name
        self._pair = pair
        self._lab = lab
        self._ledger = Ledger(pair.history)
        self._stepper = Stepper(pair)
        self._survivor: VM | None = None
        self._busy = threading.Lock()

    def do(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Do one of COMMANDS; the answer is JSON. Raises UsageError, ProductFailure."""
        if command not in COMMANDS:
            raise UsageError(f"a keeper knows no {command!r}", f"ask for one of {', '.join(COMMANDS)}")
        if command == "status":
            return self.status()
        with self._busy:
            return getattr(self, command)(**arguments)

    # --- what there is ------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return all that is known of the pair, and the ways into it."""
        accounts = self._ledger.accounts()
        topology, network = self._pair.topology, self._pair.network
        return {
            "name": self._name,
            "state": self._state(accounts),
            "qemu": self._lab.contract.version,
            "guest": topology.guest,
            "accel": topology.accel,
            "delay_ms": topology.checkpoint_delay_ms,
            "hosts": {vm.name: self._side(vm, accounts[vm.name]) for vm in self._pair.vms},
            "client": {"address": CLIENT, "guest": GUEST, **_inside(network.client)},
            "folder": str(self.folder),
            "history": str(self.folder / "history.jsonl"),
            "now": round(self._pair.history.now(), 3),
            "events": self._ledger.recent(),
        }

    def _state(self, accounts: Mapping[str, Account]) -> str:
        if self._survivor:
            return "alone"
        together = all(_run_state(vm, accounts[vm.name]) in ALIVE for vm in self._pair.vms)
        return "replicating" if together and all(one.replicates for one in accounts.values()) else "broken"

    def _side(self, vm: VM, account: Account) -> dict[str, Any]:
        run_state = _run_state(vm, account)
        role = self._role(vm)
        namespace = self._pair.network.host(self._pair.host(role))
        shell = Path(sys.executable).with_name("qmp-shell")
        return {
            "role": None if self._survivor not in (None, vm) else role,
            "run_state": run_state,
            "exit_status": vm.process.poll(),
            "checkpoints": account.checkpoints,
            "last_pause_ms": account.last_pause_ms,
            "pid": vm.pid,
            "qmp": join([str(shell), str(vm.files.spare)]),
            "hmp": join([str(shell), "-H", str(vm.files.spare)]),
            "console": join(["tail", "-f", str(vm.files.console_log)]),
            **_inside(namespace),
            "gdb": attaching(vm.pid) if run_state != "dead" else None,
        }

    # --- what can be done ---------------------------------------------------------------------------------------

    def qmp(self, host: str, command: str, arguments: dict[str, Any] | None) -> Any:
        """Return what a QEMU answers on its first monitor. Raises UsageError when it refuses."""
        vm = self._answering(host)
        try:
            return vm.execute(command, arguments)
        except CommandError as refused:
            raise UsageError(
                f"{vm.name} refuses {refused}", f"`colo pair qmp {vm.name} query-commands` lists what it knows"
            ) from refused

    def checkpoint(self) -> dict[str, float | None]:
        """Take one and wait for its end; return how long it held each side, in milliseconds. Raises UsageError."""
        self._demand_replication()
        if at := self._stepper.stands_at:
            raise UsageError(f"a checkpoint stands before {at}", "let it go: `colo pair step --end`")
        self._pair.checkpoint()
        return {host: account.last_pause_ms for host, account in self._ledger.accounts().items()}

    def step(self, to: str | None, *, end: bool) -> dict[str, Any]:
        """Walk a checkpoint: let its next part pass, or those before `to`, or all; one is begun where none stands.

        Raises UsageError.
        """
        if to is not None and to not in TRANSACTION:
            raise UsageError(f"a checkpoint has no {to!r}", f"choose one of {', '.join(TRANSACTION)}")
        self._demand_replication()
        if end:
            self._stepper.end()
        passed = [] if end else self._stepper.step(Message(to) if to else None)
        at = self._stepper.stands_at
        return {
            "passed": [self._told(part) for part in passed],
            "next": at and self._told(at),
            "hosts": {vm.name: vm.execute("query-status")["status"] for vm in self._pair.vms},
        }

    def kill(self, host: str) -> str:
        """Lose a QEMU at once. Returns its host."""
        vm = self._living(host)
        vm.kill()
        self._note("kill", vm)
        return vm.name

    def freeze(self, host: str) -> str:
        """Stop every thread of a QEMU: it answers nothing and keeps its sockets open. Returns its host."""
        vm = self._answering(host)
        vm.freeze()
        self._note("freeze", vm)
        return vm.name

    def failover(self, host: str | None) -> dict[str, Any]:
        """Let one side carry on alone, by default the one that can; the other is fenced first. Raises UsageError."""
        if self._survivor:
            raise UsageError(f"the pair has failed over: {self._survivor.name} runs alone", self._way_out())
        survivor = self._answering(host) if host else self._left_over()
        began = time.monotonic()
        self._pair.failover_to(self._role(survivor))
        self._survivor = survivor
        return {"host": survivor.name, "seconds": round(time.monotonic() - began, 3)}

    def resume(self) -> dict[str, Any]:
        """Make a pair of the survivor and a new QEMU on the lost host. Raises UsageError."""
        if not self._survivor:
            raise UsageError("there is nothing to resume: the pair has not failed over", self._way_out())
        began = time.monotonic()
        self._pair.resume()
        self._survivor = None
        return {"host": self._pair.vm(Role.SECONDARY).name, "seconds": round(time.monotonic() - began, 3)}

    # --- who is meant -------------------------------------------------------------------------------------------

    def _vm(self, word: str) -> VM:
        if word not in WORDS:
            raise UsageError(f"{word!r} is neither a host nor a role", f"choose one of {', '.join(WORDS)}")
        vms = {vm.name: vm for vm in self._pair.vms} | {str(role): self._pair.vm(role) for role in Role}
        return vms[word]

    def _living(self, word: str) -> VM:
        vm = self._vm(word)
        if not vm.alive:
            raise UsageError(f"{vm.name} is dead", self._way_out())
        return vm

    def _answering(self, word: str) -> VM:
        vm = self._living(word)
        if _stopped(vm):
            raise UsageError(f"{vm.name} is frozen", f"`colo pair failover` ends it; or `kill -CONT {vm.pid}`")
        return vm

    def _left_over(self) -> VM:
        able = [vm for vm in self._pair.vms if vm.alive and not _stopped(vm)]
        if len(able) == 1:
            return able[0]
        if able:
            raise UsageError("both sides live", "say who carries on: `colo pair failover secondary`, or primary")
        raise UsageError("neither side lives", "`colo pair down`, then `colo pair up`")

    def _told(self, part: Message) -> dict[str, str]:
        sender, receiver = self._stepper.endpoints(part)
        return {"part": part, "from": sender, "to": receiver}

    def _demand_replication(self) -> None:
        if self._state(self._ledger.accounts()) != "replicating":
            raise UsageError("the pair does not replicate", self._way_out())

    def _role(self, vm: VM) -> Role:
        return next(role for role in Role if self._pair.vm(role) is vm)

    def _way_out(self) -> str:
        """Say what helps a pair that is not in the state for a command."""
        if self._survivor:
            return "`colo pair resume` makes it a pair again"
        return "`colo pair status` shows how it is; `colo pair failover` lets the side that is left carry on"

    def _note(self, what: str, vm: VM) -> None:
        self._pair.history.record("phase", "pair", what, host=vm.name)


def _inside(namespace: Namespace) -> dict[str, str]:
    """Return where a namespace is, and the command that leads a shell inside."""
    return {"namespace": namespace.path, "nsenter": join(["nsenter", *namespace.ways_in])}


def _run_state(vm: VM, account: Account) -> str:
    if not vm.alive:
        return "dead"
    if _stopped(vm):
        return "frozen"
    return "running" if account.runs else "paused"


def _stopped(vm: VM) -> bool:
    """Say whether QEMU is stopped by a signal or a debugger."""
    state = Path(f"/proc/{vm.pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][:1]
    return state in "Tt"
