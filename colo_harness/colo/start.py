"""The start of a pair: the steps of "Startup qemu" that bring two fresh QEMUs into COLO.

Each step takes the pair and is called by it through a sabotage, which may replace the step (colo/sabotage.py).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from colo_harness.colo import procedure, procedure_2016
from colo_harness.colo.entry import await_colo
from colo_harness.colo.ticks import Ticks
from colo_harness.qemu import warm
from colo_harness.qemu.topology import HOSTS, Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


def prepare_disks(pair: "ColoPair") -> None:
    """Give each host its copy of the same disk, and the secondary its two buffers."""
    lab = pair.lab.of(pair.host(Role.PRIMARY))
    disk = lab.states.disk(pair.topology, pair.guest) if _is_warm(pair) else pair.guest.disk
    for host in HOSTS:
        pair.files[host].make()
        for image, _, _ in pair.files[host].images(pair.topology.disks):
            pair.lab.copy(disk, image)
        pair.network.site(host).hand_over(pair.files[host].folder)
    make_buffers(pair)


def make_buffers(pair: "ColoPair") -> None:
    """Give the secondary's host those of its two buffers that it does not have yet."""
    host = pair.host(Role.SECONDARY)
    site, files = pair.network.site(host), pair.files[host]
    for path in (buffer for _, *buffers in files.images(pair.topology.disks) for buffer in buffers):
        if not site.has(path):
            pair.lab.copy(pair.lab.empty_disk(pair.topology), path)
    site.hand_over(files.folder)


def start_primary(pair: "ColoPair") -> None:
    """Start the primary with `-S` (step 1), and with it the secondary where it waits for that one."""
    pair.relays.open_around_compare()
    with ThreadPoolExecutor(1, thread_name_prefix="primary") as threads:
        coming = threads.submit(pair.launch, Role.PRIMARY, warm.restoring() if _is_warm(pair) else [])
        if pair.topology.waiting:
            launch_secondary(pair)
        coming.result()


def start_secondary(pair: "ColoPair") -> None:
    """Start the secondary, which listens for the checkpoint stream (step 2)."""
    if not pair.topology.waiting:
        launch_secondary(pair)


def launch_secondary(pair: "ColoPair") -> None:
    """Start it; where nothing would silence its guest, its host is off the service network until it is promoted."""
    if pair.topology.networked and not pair.topology.proxied:
        pair.network.unplug(pair.host(Role.SECONDARY))
    pair.launch(Role.SECONDARY, [])


def ready_guest(pair: "ColoPair") -> None:
    """Let the primary hold a guest that has booted."""
    vm = pair.vm(Role.PRIMARY)
    if _is_warm(pair):
        lab = pair.lab.of(vm.name)
        state = lab.states.path(pair.topology, pair.guest)
        pair.network.site(pair.host(Role.PRIMARY)).bring(state)
        warm.restore(vm, state, lab.contract, timeout=pair.timeouts.launch)
    else:
        vm.execute("cont")
        warm.await_boot(vm, pair.history, pair.topology, timeout=pair.timeouts.boot)
    if pair.topology.quiet:
        vm.execute("cont")
        Ticks(pair).quiet(Role.PRIMARY)
        vm.execute("stop")


def observe_before(pair: "ColoPair") -> None:
    """Record what both sides say of themselves before they replicate."""
    pair.observe("before")


def set_capabilities(pair: "ColoPair") -> None:
    """Set COLO's migration capabilities on both sides, or those of the topology."""
    for vm, others in zip(pair.vms, pair.topology.capabilities or (None, None), strict=True):
        procedure.set_capabilities(vm, pair.lab.of(vm.name).contract, others)


def serve_replica(pair: "ColoPair") -> None:
    """Export the secondary's disk."""
    if pair.topology.document == "2016":
        procedure_2016.serve_replica(pair.vm(Role.SECONDARY))
    else:
        procedure.serve_replica(pair.vm(Role.SECONDARY), disks=pair.topology.disks)


def attach_replica(pair: "ColoPair") -> None:
    """Add the secondary's export to the primary's quorum."""
    vm, address = pair.vm(Role.PRIMARY), pair.address(Role.SECONDARY)
    if names := procedure_2016.NAMES.get(pair.topology.document):
        procedure_2016.attach_replica(vm, address, names)
        return
    for disk in range(pair.topology.disks):
        procedure.attach_replica(vm, address, pair.lab.of(vm.name).contract, disk=disk)


def enter(pair: "ColoPair") -> None:
    """Start replication and wait until both sides run in COLO. Raises StartupFailed with the states seen."""
    since = pair.history.cursor()
    if pair.topology.deferred:
        procedure.listen(pair.vm(Role.SECONDARY))
    procedure.lift_limit(pair.vm(Role.PRIMARY))
    migrate(pair)
    await_entry(pair, since=since)


def migrate(pair: "ColoPair") -> None:
    """Let the primary migrate to where the secondary listens, or ought to."""
    primary = pair.vm(Role.PRIMARY)
    procedure.set_checkpoint_delay(primary, pair.topology.checkpoint_delay_ms)
    procedure.migrate(primary, *pair.relays.open_checkpoint())


def await_entry(pair: "ColoPair", *, since: int) -> None:
    """Return when both sides run in COLO; `since` is the cursor before `migrate`. Raises StartupFailed."""
    await_colo(pair.vms, pair.history, since=since, timeout=pair.timeouts.entry)


STEPS = (
    prepare_disks,
    start_primary,
    start_secondary,
    ready_guest,
    observe_before,
    set_capabilities,
    serve_replica,
    attach_replica,
)
"""The steps until both sides are ready to `enter`, which a cluster manager may do."""


def _is_warm(pair: "ColoPair") -> bool:
    return not pair.lab.settings.cold_boot and pair.topology.image is None
