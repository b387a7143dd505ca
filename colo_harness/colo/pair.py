"""A COLO pair: two QEMUs on two hosts that replicate one guest."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from colo_harness.colo import failover, procedure, resume, start
from colo_harness.colo.lab import Lab
from colo_harness.colo.message import Message
from colo_harness.colo.rehearsal import Awaited, Order, Rehearsal, Scribe
from colo_harness.colo.relays import Relays
from colo_harness.colo.sabotage import SOUND, Handover, Sabotage, Step
from colo_harness.errors import CommandError, ProductFailure, StartupFailed, UsageError, WaitTimeout
from colo_harness.history import Entry, History
from colo_harness.machine.network import Network
from colo_harness.machine.program import Program
from colo_harness.machine.ramdisk import RamDisk
from colo_harness.qemu import argv
from colo_harness.qemu.argv import Files, Graph, Part
from colo_harness.qemu.topology import HOSTS, Host, Role, Topology
from colo_harness.qemu.vm import VM


class ColoPair:
    """Two VMs and the documented procedure around them; `start` brings them into COLO.

    Each step is a function of the pair, in start, failover, resume or here, and called through `_do` for sabotages.
    Methods raise ProductFailure where QEMU does not do what its document says.
    """

    def __init__(
        self, topology: Topology, lab: Lab, network: Network, history: History, folder: Path, broken: Sabotage = SOUND
    ) -> None:
        self.topology = broken.topology(topology)
        self.history = history
        self.network = network
        self.lab = broken.lab(lab)
        self.timeouts = lab.settings.timeouts
        self.guest = lab.guest(self.topology)
        self._ram = RamDisk(topology.ram_disk_mib)
        self.files: dict[Host, Files] = {host: Files(folder / host, topology.raw, self._ram.path) for host in HOSTS}
        self.graphs: dict[Host, Graph] = {}
        """What each host's QEMU consists of now."""
        self.relays = Relays(self)
        self._sabotage = broken
        self._vms: dict[Host, VM] = {}
        self._roles: dict[Role, Host] = {Role.PRIMARY: "host_a", Role.SECONDARY: "host_b"}
        self._survivor: VM | None = None
        self.daemons: dict[Host, list[Program]] = {host: [] for host in HOSTS}
        """What runs on each host besides its QEMU, such as a manager's watcher: it dies with its host."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- who is where -------------------------------------------------------------------------------------------

    def host(self, role: Role) -> Host:
        """Return the host that has `role` now."""
        return self._roles[role]

    def vm(self, role: Role) -> VM:
        """Return the VM that has `role` now."""
        return self._vms[self._roles[role]]

    @property
    def vms(self) -> list[VM]:
        """Every VM that was started, host_a's first."""
        return [self._vms[host] for host in HOSTS if host in self._vms]

    def processes(self, host: Host) -> list[Program]:
        """Return all that runs on a host and was not ended by us: its QEMU, and what else lives there."""
        return [*(vm.process for vm in self.vms if vm.name == host), *self.daemons[host]]

    def power_off(self, host: Host) -> None:
        """End all that runs on a host, at once and for good. Raises MachineError."""
        for program in self.processes(host):
            program.kill()
        self.network.site(host).fence()

    def address(self, role: Role) -> str:
        """Return the address of the role's host on the COLO network."""
        return self.network.address(self._roles[role])

    # --- start --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Boot both sides and bring them into COLO, in the document's order."""
        self.approach()
        self.enter()

    def approach(self) -> None:
        """Do all of `start` but its last step; after a failover, all of `resume` but that."""
        if self._survivor:
            self._resync()
            self.carry_out(resume.REPLICATE)
        else:
            self._phase("start", sabotage=self._sabotage.name)
            self.carry_out(start.STEPS)

    def enter(self) -> None:
        """Bring both sides, which are ready for it, into COLO. Raises StartupFailed."""
        with self.relays.taking_blame():
            self._do(start.enter)
        self.entered()

    def entered(self) -> None:
        """Take note that both sides are in COLO."""
        self._survivor = None
        self._phase("replicating")

    def handed(self, handover: Handover) -> Handover:
        """Return what a manager is handed, as the sabotage leaves it."""
        return self._sabotage.handed(handover)

    def attempt_start(self) -> None:
        """Do as `start`; a pair that does not enter COLO is left as it is, with the reason in the history."""
        try:
            self.start()
        except (StartupFailed, CommandError) as failure:
            self._phase("refused", reason=str(failure))

    # --- life ---------------------------------------------------------------------------------------------------

    def observe(self, moment: str) -> None:
        """Ask every living VM for its states and record the answers under `moment`."""
        for vm in self.vms:
            if vm.alive:
                self._observe(vm, moment)

    def observe_survivor(self, moment: str) -> None:
        """As `observe`, of the VM that the last failover left; nothing where none was carried out."""
        if self._survivor:
            self._observe(self._survivor, moment)

    def _observe(self, vm: VM, moment: str) -> None:
        for question in ("query-status", "query-colo-status", "query-migrate"):
            vm.observe(question, moment)

    def wait_checkpoints(self, count: int, *, within: float | None = None, since: int | None = None) -> None:
        """Return once both sides did `count` checkpoints after `since` or now, `within` seconds. Raises WaitTimeout."""
        since = self.history.cursor() if since is None else since
        each = self.timeouts.checkpoint + self.topology.checkpoint_delay_ms / 1000
        deadline = self.history.now() + (within or count * each)
        for vm in self.vms:
            cursor = since
            for event in ("STOP", "RESUME") * count:
                left = max(deadline - self.history.now(), 0)
                cursor = vm.await_event(event, since=cursor, timeout=left).line - 1

    def let_checkpoints_come(self, count: int) -> None:
        """Return when `count` more checkpoints are done on both sides, or well after they were due; checkers judge."""
        due = count * (self.topology.checkpoint_delay_ms / 1000 + self.timeouts.late)
        with suppress(WaitTimeout):
            self.wait_checkpoints(count, within=due)

    def change_delay(self, milliseconds: int) -> None:
        """Set another x-checkpoint-delay while the pair replicates."""
        self.topology = replace(self.topology, checkpoint_delay_ms=milliseconds)
        self._phase("delay", delay_s=milliseconds / 1000)
        self._do(ColoPair.apply_delay)

    def apply_delay(self) -> None:
        """Tell the primary the topology's x-checkpoint-delay."""
        procedure.set_checkpoint_delay(self.vm(Role.PRIMARY), self.topology.checkpoint_delay_ms)

    def force_checkpoint(self) -> None:
        """Ask for a checkpoint now: setting the delay does that (migration/colo.c) without changing it."""
        procedure.set_checkpoint_delay(self.vm(Role.PRIMARY), self.topology.checkpoint_delay_ms)

    def checkpoint(self) -> None:
        """Take one checkpoint now and wait for its end on both sides."""
        since = self._phase("checkpoint").line - 1
        self.force_checkpoint()
        self.wait_checkpoints(1, within=self.timeouts.checkpoint, since=since)

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Wait at the end for the end of the checkpoint that the body brings about, or until it is late."""
        since = self.history.cursor()
        yield
        with suppress(WaitTimeout):
            self.wait_checkpoints(1, within=self.timeouts.late, since=since)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Mark the stretch of the history that a checker of rates looks at."""
        self._do(ColoPair.watch)
        try:
            yield
        finally:
            self._do(ColoPair.unwatch)

    def watch(self) -> None:
        """Begin a stretch that a checker of rates looks at."""
        self._phase("watch", delay_s=self.topology.checkpoint_delay_ms / 1000)

    def unwatch(self) -> None:
        """End the stretch."""
        self._phase("watched")

    def hold(self, message: Message) -> None:
        """Force a checkpoint; return when its `message` is held on its way, and both sides have done all before it."""
        self.relays.checkpoint.hold(message)
        self.force_checkpoint()
        self.relays.await_held(timeout=self.timeouts.checkpoint)

    # --- what the steps of the procedure are made of ---------------------------------------------------------------

    def carry_out(self, steps: Iterable[Step]) -> None:
        """Do these steps, as a sabotage leaves them."""
        for step in steps:
            self._do(step)

    def graph(self, role: Role, extra: Iterable[Part] = ()) -> Graph:
        """Return what a QEMU on the role's host consists of when it starts in this role."""
        host = self.host(role)
        files = self.files[host]
        shared = argv.machine(self.topology, files, host=host, boot=self.guest.boot)
        parts = argv.role_parts(
            role, self.topology, files, self.lab.of(host).contract, primary_address=self.address(Role.PRIMARY)
        )
        return self._sabotage.graph(role, shared.joined([*parts, *extra]))

    def launch(self, role: Role, extra: Iterable[Part]) -> None:
        """Start a QEMU in this role, on the role's host and in place of the one before."""
        host = self.host(role)
        if host in self._vms:
            self._vms[host].close()
        graph = self.graphs[host] = self.graph(role, extra)
        self.network.site(host).bring(*self.lab.of(host).belongings(self.guest))
        self._vms[host] = VM(
            host,
            [*self.lab.of(host).qemu, *graph],
            self.files[host],
            site=self.network.site(host),
            history=self.history,
            around=self.lab.around,
        )

    def objects(self, host: Host, ids: Iterable[str]) -> list[str]:
        """Return those of the objects `ids` that the host's QEMU has now."""
        present = self.graphs[host].ids("-object")
        return [name for name in ids if name in present]

    @property
    def replicates_disk(self) -> bool:
        """Whether the primary's quorum has a child on the secondary, as it does but for a sabotage."""
        return "attach_replica" not in self._sabotage.instead

    # --- failover -----------------------------------------------------------------------------------------------

    def failover_to(
        self, role: Role, *, fenced: bool = True, yanked: bool = True, first: bool = False, within: float | None = None
    ) -> None:
        """Let `role` carry on alone, by the document's "Primary Failover" or "Secondary Failover".

        The lost peer is fenced (killed) first; without fencing the survivor's streams to it are yanked instead, and
        without either the document's commands are all that is done. With `first` the survivor is told before anything
        is removed, the other documented order. Raises MonitorLost, CommandError, WaitTimeout; commands get `within` s.
        """
        survivor = self.vm(role)
        self._phase("failover", role=role, host=survivor.name, fenced=fenced)
        with survivor.patience(within or self.timeouts.failover):
            if fenced:
                self.fence(role.peer)
            elif yanked:
                self._do(failover.YANK[role])
            self._do((failover.FIRST if first else failover.ALONE)[role])
        self._take_note(role)

    def fence(self, role: Role) -> None:
        """See to it that the side which has this role, and all else on its host, is dead. Raises MachineError."""
        self._do(failover.FENCE[role])

    def rehearse(self, *steps: Step, awaited: Awaited) -> Rehearsal:
        """Return what these steps would tell the QEMUs, until what is awaited is so; nothing is told or changed."""
        orders: dict[Host, list[Order]] = {host: [] for host in HOSTS}
        stage = copy(self)
        vars(stage).update(graphs=dict(self.graphs), _vms={host: Scribe(host, orders[host], awaited) for host in HOSTS})
        for step in steps:
            stage._do(step)  # noqa: SLF001 - one of us
        return Rehearsal(orders, stage.graphs)

    def adopt(self, role: Role, rehearsal: Rehearsal, *, at: float) -> None:
        """Take note that somebody else did what was rehearsed: `role` carries on alone since `at`, in seconds."""
        self.graphs = {**self.graphs, self.host(role): rehearsal.graphs[self.host(role)]}
        self._take_note(role, at=at)

    def _take_note(self, role: Role, at: float | None = None) -> None:
        """Let `role`, which carries on alone, be the primary from now on."""
        survivor = self.vm(role)
        self._roles = {Role.PRIMARY: self._roles[role], Role.SECONDARY: self._roles[role.peer]}
        self._survivor = survivor
        self.history.record("phase", "pair", "promoted", at=at, role=role, host=survivor.name)

    def attempt_failover(self, role: Role, **how: Any) -> None:
        """Do as `failover_to`; where QEMU does not, leave it as it is, with the reason in the history."""
        try:
            self.failover_to(role, **how)
        except ProductFailure as failure:
            self._phase("stuck", role=role, host=self.vm(role).name, reason=str(failure))

    def let_notice(self, role: Role, *, due: float = 0.0) -> None:
        """Return when `role` has told that COLO ended, or well after that was `due`, in seconds; checkers judge."""
        with suppress(WaitTimeout):
            self.vm(role).await_event("COLO_EXIT", since=0, timeout=due + self.timeouts.late)

    # --- resume -------------------------------------------------------------------------------------------------

    def resume(self, *, renewed: bool = True) -> None:
        """Replicate again after a failover, with a fresh QEMU on the lost host. As `resuming`."""
        with self.resuming(renewed=renewed):
            pass

    def attempt_resume(self) -> None:
        """Do as `resume`; where QEMU does not, leave it as it is, with the reason in the history."""
        try:
            self.resume()
        except ProductFailure as failure:
            self._phase("stuck", role=Role.PRIMARY, host=self.vm(Role.PRIMARY).name, reason=str(failure))

    @contextmanager
    def resuming(self, *, renewed: bool = True) -> Iterator[None]:
        """Resume replication; in the block the survivor's guest works on, and the new secondary's disk follows its own.

        The document's "Primary resume replication" and "Secondary resume replication". `renewed` is whether the
        streams inside the survivor are made anew, which the document leaves out. Raises as `ready_resync` and `start`.
        """
        self._resync(renewed=renewed)
        yield
        self.carry_out(resume.REPLICATE)
        self.enter()

    def ready_resync(self, *, renewed: bool = True) -> None:
        """Do all that `resume` does before the first block is copied. Raises UsageError where no failover came before.

        A lost peer that only hangs is killed.
        """
        if self._survivor is None:
            raise UsageError("nothing to resume: no side was lost, or the pair replicates again", "fail over first")
        lost = self.vm(Role.SECONDARY)
        lost.kill()
        lost.collect()
        self._phase("resume", host=self._survivor.name)
        self.carry_out((*([resume.renew_loop] if renewed else []), *resume.READY_RESYNC))

    def _resync(self, *, renewed: bool = True) -> None:
        self.ready_resync(renewed=renewed)
        self._do(resume.resync)
        self._phase("resynced")

    # --- what is inside -----------------------------------------------------------------------------------------

    def snapshot(self, role: Role, start: int, size: int) -> bytes:
        """Return `size` bytes of the guest's physical memory on `role`'s side."""
        self._undermine("snapshot")
        vm = self.vm(role)
        path = vm.files.folder / "memory.dump"
        vm.execute("pmemsave", {"val": start, "size": size, "filename": str(path)})
        content = self.network.site(self.host(role)).fetch(path).read_bytes()
        path.unlink()
        return content

    # --- end ----------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Bring what the QEMUs wrote and how they ended into the history. Raises MachineError where a relay broke."""
        self.relays.check()
        for vm in self.vms:
            vm.collect()

    def close(self) -> None:
        """Kill what is left and let go of it; may be called again."""
        with ExitStack() as closing:
            closing.callback(self._ram.close)
            for vm in self.vms:
                closing.callback(vm.close)
            closing.callback(self.relays.close)

    # --- inside -------------------------------------------------------------------------------------------------

    def _do(self, step: Step) -> None:
        self._undermine(step.__name__)
        self._sabotage.instead.get(step.__name__, step)(self)

    def _undermine(self, step: str) -> None:
        if step in self._sabotage.before:
            self._sabotage.before[step](self)

    def _phase(self, what: str, **data: Any) -> Entry:
        return self.history.record("phase", "pair", what, **data)
