"""A state that the secondary has received: it is loaded, or it waits to be, for QEMU's big lock."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from colo_harness.colo import failover, procedure
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.qemu.busy import busy
from colo_harness.qemu.topology import Role


@contextmanager
def loaded(pair: ColoPair) -> Iterator[None]:
    """Bring the secondary to where it has loaded a state that is not committed; after the block it is promoted.

    The block loses the primary. The pair's topology is relayed. Raises WaitTimeout, MonitorLost, CommandError.
    """
    pair.hold(Message.VMSTATE_RECEIVED)
    yield
    pair.failover_to(Role.SECONDARY)


@contextmanager
def unloaded(pair: ColoPair) -> Iterator[None]:
    """Do as `loaded`, but COLO's thread gets the lock only once the secondary has failed over.

    The main thread has it when the state comes, and could be the next one to get it again. Raises MachineError too.
    """
    vm, relay = pair.vm(Role.SECONDARY), pair.relays.checkpoint
    pair.hold(Message.DEVICE_STATE)
    relay.hold(Message.VMSTATE_RECEIVED)
    with ThreadPoolExecutor(1, thread_name_prefix="promotion") as threads, ExitStack() as standing:
        with busy(vm, deadline=DEADLINE_S):
            relay.advance()
            relay.wait_held(timeout=DEADLINE_S)
            standing.enter_context(vm.suspended("colo"))
        yield
        since = pair.history.cursor()
        vm.execute("nbd-server-stop")
        telling = threads.submit(procedure.lost_heartbeat, vm)  # QEMU answers once COLO's thread has ended
        vm.await_event("MIGRATION", since=since, timeout=DEADLINE_S)
        standing.close()
        telling.result()
    failover.take_over(pair)
    pair.history.record("phase", "pair", "promoted", role=Role.SECONDARY, host=vm.name)
