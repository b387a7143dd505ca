"""A QEMU that is told to end just as its COLO stops the guest for a checkpoint, and whose processor is slow to stop."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MonitorLost, WaitTimeout
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.qemu.busy import busy
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until


@dataclass(frozen=True)
class LateQuit:
    """The primary of a relayed pair is told to end while its COLO, which has asked for a checkpoint, gets the answer.

    QEMU then stops its processors in two threads, of which each lets the other have the big lock while it waits for
    them. In an idle pair `quit` brings this about by itself: it wakes COLO, which asks for a checkpoint.
    """

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return "late-quit-primary"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Tell it, and enter once it has ended or ought to have. Raises WaitTimeout, MachineError."""
        victim, within, since = pair.vm(Role.PRIMARY), pair.timeouts.command, pair.history.cursor()
        pair.hold(Message.CHECKPOINT_REPLY)
        with ThreadPoolExecutor(1, thread_name_prefix="quit") as threads:
            with ExitStack() as processors, ExitStack() as colo:
                with busy(victim, deadline=within):
                    processors.enter_context(victim.suspended("cpu"))  # which cannot have the big lock now
                    pair.relays.checkpoint.release()
                    victim.await_trace("colo_receive_message", Message.CHECKPOINT_REPLY, since=since, timeout=within)
                    colo.enter_context(victim.suspended("colo"))
                telling = threads.submit(victim.execute, "quit", timeout=pair.timeouts.late)
                victim.await_event("MIGRATION", since=since, timeout=within)
                colo.close()
                wait_until("COLO's thread to end", lambda: not victim.threads("colo"), timeout=within)
            with suppress(MonitorLost, WaitTimeout):
                telling.result()
                wait_until(f"{victim.name} to end", lambda: not victim.alive, timeout=pair.timeouts.late)
        yield {"host": victim.name}
