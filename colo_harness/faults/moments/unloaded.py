"""A state that the secondary has received and cannot load yet: QEMU's big lock is busy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from colo_harness.colo import failover, procedure
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.qemu.topology import Role
from colo_harness.wait import pause

NOWHERE = 1 << 30
"""A physical address beyond the guest's memory; to read there is slow, and changes nothing."""
AMOUNT = 80 << 20
"""Bytes whose reading keeps the big lock for a second or two."""
UNDER_WAY_S = 0.1


@contextmanager
def unloaded(pair: ColoPair, *, busy: bool) -> Iterator[None]:
    """Bring the secondary there, and promote it once the block has lost the primary, at the same time or just after.

    The pair's topology is relayed. `busy` is whether the secondary's main thread has the big lock when the state comes,
    and has got the order by the time it lets go; it is first then. Raises WaitTimeout, MonitorLost, CommandError.
    """
    vm, relay = pair.vm(Role.SECONDARY), pair.relays.checkpoint
    pair.hold(Message.DEVICE_STATE)
    vm.execute("nbd-server-stop")
    relay.hold(Message.VMSTATE_RECEIVED)
    with ThreadPoolExecutor(2, thread_name_prefix="promotion") as threads:
        if busy:
            order = {"val": NOWHERE, "size": AMOUNT, "filename": "/dev/null"}
            reading = threads.submit(vm.rescue.execute, "pmemsave", order, timeout=DEADLINE_S)
            pause(UNDER_WAY_S)
        relay.advance()
        relay.wait_held(timeout=DEADLINE_S)
        if busy:
            vm.favour("main")
        yield
        telling = threads.submit(procedure.lost_heartbeat, vm)
        if busy:
            reading.result()
        telling.result()
    failover.take_over(pair)
    pair.history.record("phase", "pair", "promoted", role=Role.SECONDARY, host=vm.name)
