"""A COLO pair: two QEMUs on two hosts that replicate one guest."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from colo_harness.colo import failover, procedure
from colo_harness.colo.entry import await_colo
from colo_harness.colo.lab import Lab
from colo_harness.colo.relay import LAST_OF_PRIMARY, Message, Relay
from colo_harness.colo.sabotage import SOUND, Sabotage
from colo_harness.colo.ticks import Ticks
from colo_harness.errors import ProductFailure, StartupFailed, WaitTimeout
from colo_harness.history import Entry, History
from colo_harness.machine.network import Network
from colo_harness.qemu import argv, disk, warm
from colo_harness.qemu.argv import Files, Graph, Part
from colo_harness.qemu.topology import HOSTS, Channel, Host, Role, Topology
from colo_harness.qemu.vm import VM

RELAY_PORT = 9997
STEPS = {Role.PRIMARY: "carry_on", Role.SECONDARY: "promote"}
"""The step of the procedure that lets each role carry on alone."""


class ColoPair:
    """Two VMs and the documented procedure around them; `start` brings them into COLO.

    Each step of the procedure is a method that is called through `_do`, so that a sabotage can replace it.
    Methods raise ProductFailure where QEMU does not do what its document says.
    """

    def __init__(
        self, topology: Topology, lab: Lab, network: Network, history: History, folder: Path, broken: Sabotage = SOUND
    ) -> None:
        self.topology = broken.topology(topology)
        self.history = history
        self.network = network
        self._lab = lab
        self._folder = folder
        self._sabotage = broken
        self._timeouts = lab.settings.timeouts
        self._guest = lab.guest(self.topology)
        self._vms: dict[Host, VM] = {}
        self._graphs: dict[Host, Graph] = {}
        self._roles: dict[Role, Host] = {Role.PRIMARY: "host_a", Role.SECONDARY: "host_b"}
        self._relay: Relay | None = None
        self._survivor: VM | None = None
        self._closing = ExitStack()

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

    def address(self, role: Role) -> str:
        """Return the address of the role's host on the COLO network."""
        return self.network.address(self._roles[role])

    # --- start --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Boot both sides and bring them into COLO, in the document's order."""
        self._phase("start", sabotage=self._sabotage.name)
        for step in ("prepare_disks", "start_primary", "start_secondary", "ready_guest", "observe_before"):
            self._do(step)
        for step in ("set_capabilities", "serve_replica", "attach_replica", "enter"):
            self._do(step)

    def attempt_start(self) -> None:
        """Do as `start`; a pair that does not enter COLO is left as it is, with the reason in the history."""
        try:
            self.start()
        except StartupFailed as failure:
            self._phase("refused", reason=str(failure))

    def prepare_disks(self) -> None:
        """Give each host its copy of the same disk, and the secondary its two buffers."""
        for host in HOSTS:
            files = self._files(host)
            files.folder.mkdir()
            self._lab.copy(self._guest.disk, files.disk)
        buffers = self._files(self.host(Role.SECONDARY))
        for path in (buffers.active, buffers.hidden):
            self._lab.copy(self._lab.empty_disk, path)

    def start_primary(self) -> None:
        """Start the primary with `-S` (step 1)."""
        self._launch(Role.PRIMARY, warm.restoring() if self._warm else [])

    def start_secondary(self) -> None:
        """Start the secondary, which listens for the checkpoint stream (step 2)."""
        self._launch(Role.SECONDARY, [])

    def ready_guest(self) -> None:
        """Let the primary hold a guest that has booted."""
        vm = self.vm(Role.PRIMARY)
        if self._warm:
            state = self._lab.states.path(self.topology, self._guest)
            warm.restore(vm, state, timeout=self._timeouts.launch)
        else:
            vm.execute("cont")
            warm.await_boot(vm, self.history, self.topology, timeout=self._timeouts.boot)
        if self.topology.quiet:
            vm.execute("cont")
            Ticks(self).quiet(Role.PRIMARY)
            vm.execute("stop")

    def observe_before(self) -> None:
        """Record what both sides say of themselves before they replicate."""
        self.observe("before")

    def set_capabilities(self) -> None:
        """Set COLO's migration capabilities on both sides."""
        for vm in self.vms:
            procedure.set_capabilities(vm, self._lab.contract)

    def set_plain_capabilities(self) -> None:
        """Set what `set_capabilities` sets, without x-colo on the primary."""
        self.set_capabilities()
        off = {"capability": "x-colo", "state": False}
        self.vm(Role.PRIMARY).execute("migrate-set-capabilities", {"capabilities": [off]})

    def serve_replica(self) -> None:
        """Export the secondary's disk."""
        procedure.serve_replica(self.vm(Role.SECONDARY))

    def attach_replica(self) -> None:
        """Add the secondary's export to the primary's quorum."""
        procedure.attach_replica(self.vm(Role.PRIMARY), self.address(Role.SECONDARY))

    def enter(self) -> None:
        """Start replication and wait until both sides run in COLO. Raises StartupFailed with the states seen."""
        primary = self.vm(Role.PRIMARY)
        procedure.set_checkpoint_delay(primary, self.topology.checkpoint_delay_ms)
        since = self.history.cursor()
        if self.topology.relayed:
            self._start_relay()
            procedure.migrate(primary, self.address(Role.PRIMARY), str(RELAY_PORT))
        else:
            procedure.migrate(primary, self.address(Role.SECONDARY), Channel.CHECKPOINT)
        await_colo(self.vms, self.history, since=since, timeout=self._timeouts.entry)
        self._phase("replicating")

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
        each = self._timeouts.checkpoint + self.topology.checkpoint_delay_ms / 1000
        deadline = self.history.now() + (within or count * each)
        for vm in self.vms:
            cursor = since
            for event in ("STOP", "RESUME") * count:
                left = max(deadline - self.history.now(), 0)
                cursor = vm.await_event(event, since=cursor, timeout=left).line - 1

    def let_checkpoints_come(self, count: int) -> None:
        """Return when `count` more checkpoints are done on both sides, or well after they were due; checkers judge."""
        due = count * (self.topology.checkpoint_delay_ms / 1000 + self._timeouts.late)
        with suppress(WaitTimeout):
            self.wait_checkpoints(count, within=due)

    def change_delay(self, milliseconds: int) -> None:
        """Set another x-checkpoint-delay while the pair replicates."""
        self.topology = replace(self.topology, checkpoint_delay_ms=milliseconds)
        self._phase("delay", delay_s=milliseconds / 1000)
        self._do("apply_delay")

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
        self.wait_checkpoints(1, within=self._timeouts.checkpoint, since=since)

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Wait at the end for the end of the checkpoint that the body brings about, or until it is late."""
        since = self.history.cursor()
        yield
        with suppress(WaitTimeout):
            self.wait_checkpoints(1, within=self._timeouts.late, since=since)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Mark the stretch of the history that a checker of rates looks at."""
        self._do("watch")
        try:
            yield
        finally:
            self._phase("watched")

    def watch(self) -> None:
        """Begin a stretch that a checker of rates looks at."""
        self._phase("watch", delay_s=self.topology.checkpoint_delay_ms / 1000)

    @property
    def relay(self) -> Relay:
        """The relay in the checkpoint stream of a pair whose topology is relayed."""
        if self._relay is None:
            raise RuntimeError("this pair's topology is not relayed")
        return self._relay

    def hold(self, message: Message) -> None:
        """Force a checkpoint; return when its `message` is held on its way to the primary, which did all before it."""
        since = self.history.cursor()
        self.relay.hold(message)
        self.force_checkpoint()
        self.relay.wait_held(timeout=self._timeouts.checkpoint)
        self.vm(Role.PRIMARY).await_trace(*LAST_OF_PRIMARY[message], since=since, timeout=self._timeouts.checkpoint)

    # --- failover -----------------------------------------------------------------------------------------------

    def failover_to(self, role: Role, *, fenced: bool = True, yanked: bool = True, within: float | None = None) -> None:
        """Let `role` carry on alone, by the document's "Primary Failover" or "Secondary Failover".

        The lost peer is fenced (killed) first; without fencing the survivor's streams to it are yanked instead, and
        without either the document's commands are all that is done. Each command gets `within` seconds.
        Raises MonitorLost, CommandError, WaitTimeout.
        """
        survivor, lost = self.vm(role), self.vm(role.peer)
        self._phase("failover", role=role, host=survivor.name, fenced=fenced)
        with survivor.patience(within or self._timeouts.failover):
            if fenced:
                lost.kill()
            elif yanked:
                self._do(f"yank_{role}")
            self._do(STEPS[role])
        self._roles = {Role.PRIMARY: self._roles[role], Role.SECONDARY: self._roles[role.peer]}
        self._survivor = survivor
        self._phase("promoted", role=role, host=survivor.name)

    def attempt_failover(
        self, role: Role, *, fenced: bool = True, yanked: bool = True, within: float | None = None
    ) -> None:
        """Do as `failover_to`; where QEMU does not, leave it as it is, with the reason in the history."""
        try:
            self.failover_to(role, fenced=fenced, yanked=yanked, within=within)
        except ProductFailure as failure:
            self._phase("stuck", role=role, host=self.vm(role).name, reason=str(failure))

    def yank_primary(self) -> None:
        """Free a primary whose peer hangs."""
        self.vm(Role.PRIMARY).yank()

    def yank_secondary(self) -> None:
        """Free a secondary whose peer hangs."""
        self.vm(Role.SECONDARY).yank()

    def promote(self) -> None:
        """Make the secondary the machine that answers (Secondary Failover)."""
        vm, graph = self.vm(Role.SECONDARY), self._graphs[self._roles[Role.SECONDARY]]
        failover.promote(vm, graph, networked=self.topology.networked, timeout=self._timeouts.failover)

    def carry_on(self) -> None:
        """Let the primary go on without a secondary (Primary Failover)."""
        vm, graph = self.vm(Role.PRIMARY), self._graphs[self._roles[Role.PRIMARY]]
        replicated = "attach_replica" not in self._sabotage.instead
        failover.carry_on(vm, graph, replicated=replicated, timeout=self._timeouts.failover)

    def part_ways(self, first: Role) -> None:
        """Let both sides carry on alone, with no fault: `first` is asked while its peer and all streams are healthy.

        The other side is asked once it has noticed by itself, or well after that was due.
        """
        self._phase("parting", role=first)
        self._do(STEPS[first])
        self.let_notice(first.peer, due=self.topology.checkpoint_delay_ms / 1000)
        self._do(STEPS[first.peer])
        self._phase("parted")

    def let_notice(self, role: Role, *, due: float = 0.0) -> None:
        """Return when `role` has told that COLO ended, or well after that was `due`, in seconds; checkers judge."""
        with suppress(WaitTimeout):
            self.vm(role).await_event("COLO_EXIT", since=0, timeout=due + self._timeouts.late)

    # --- what is inside -----------------------------------------------------------------------------------------

    def snapshot(self, role: Role, start: int, size: int) -> bytes:
        """Return `size` bytes of the guest's physical memory on `role`'s side."""
        self._undermine("snapshot")
        vm = self.vm(role)
        path = vm.files.folder / "memory.dump"
        vm.execute("pmemsave", {"val": start, "size": size, "filename": str(path)})
        content = path.read_bytes()
        path.unlink()
        return content

    def read_image(self, host: Host, block: int, count: int = 1) -> bytes:
        """Return blocks of a host's disk image; its QEMU must have ended."""
        return self._lab.images.read(self._vms[host].files.disk, block, count)

    def corrupt_replica(self, block: int) -> None:
        """Sabotage: put another content into one block of the secondary's disk image before it is opened."""
        image = self._files(self.host(Role.SECONDARY)).disk
        self._lab.images.write(image, block, b"stale\n".ljust(disk.BLOCK, b"."))

    # --- end ----------------------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Bring what the QEMUs wrote and how they ended into the history."""
        for vm in self.vms:
            vm.collect()

    def close(self) -> None:
        """Kill what is left and let go of it; may be called again."""
        self._closing.close()

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _warm(self) -> bool:
        return not self._lab.settings.cold_boot

    def _do(self, step: str) -> None:
        self._undermine(step)
        if step in self._sabotage.instead:
            self._sabotage.instead[step](self)
        else:
            getattr(self, step)()

    def _undermine(self, step: str) -> None:
        if step in self._sabotage.before:
            self._sabotage.before[step](self)

    def _phase(self, what: str, **data: Any) -> Entry:
        return self.history.record("phase", "pair", what, **data)

    def _files(self, host: Host) -> Files:
        return Files(self._folder / host)

    def _launch(self, role: Role, extra: list[Part]) -> None:
        host = self._roles[role]
        files = self._files(host)
        shared = argv.machine(self.topology, files, host=host, boot=self._guest.boot)
        parts = argv.role_parts(
            role, self.topology, files, self._lab.contract, primary_address=self.address(Role.PRIMARY)
        )
        graph = self._sabotage.graph(role, argv.build(shared, [*parts, *extra]))
        self._graphs[host] = graph
        vm = VM(
            host,
            [*self._lab.qemu, *graph],
            files,
            namespace=self.network.host(host),
            history=self.history,
            around=self._lab.around,
        )
        self._vms[host] = self._closing.enter_context(vm)

    def _start_relay(self) -> None:
        host = self.network.host(self.host(Role.PRIMARY))
        listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind((self.address(Role.PRIMARY), RELAY_PORT))
        listener.listen(1)
        upstream = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        target = (self.address(Role.SECONDARY), int(Channel.CHECKPOINT))
        self._relay = self._closing.enter_context(Relay(listener, upstream, target))
