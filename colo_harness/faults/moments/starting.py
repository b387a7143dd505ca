"""On the way into COLO: of a first start, and as well of a resume, where the survivor's clients wait."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colo_harness.colo import start
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.relays import RELAY_PORT
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.judge.starting import FellWhileStarting
from colo_harness.machine.buffers import small_buffers
from colo_harness.machine.process import run
from colo_harness.qemu.topology import Role
from colo_harness.qemu.vm import VM
from colo_harness.traffic.client import Client
from colo_harness.wait import wait_until

TRICKLE = 1 << 20
"""Bytes a second at which the first pass over the memory takes two minutes."""


@dataclass(frozen=True)
class _Starting:
    """A pair that is ready for it has begun to enter COLO, and has come so far."""

    name: str
    proof: FellWhileStarting

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Do everything before, and begin; whoever lives in the end can begin again. Raises WaitTimeout."""
        pair.approach()
        yield from self._held(pair)

    @abstractmethod
    def _held(self, pair: ColoPair) -> Iterator[None]:
        """Yield once the pair, which is ready, has come there."""


class Unheard(_Starting):
    """The primary has been refused: in a pair whose topology is deferred nobody listens yet."""

    def _held(self, pair: ColoPair) -> Iterator[None]:
        start.migrate(pair)
        _await_migration(pair.vm(Role.PRIMARY), "failed")
        yield


class FirstPass(_Starting):
    """The guest's memory is sent for the first time."""

    def _held(self, pair: ColoPair) -> Iterator[None]:
        primary = pair.vm(Role.PRIMARY)
        usual = primary.execute("query-migrate-parameters")["max-bandwidth"]
        primary.execute("migrate-set-parameters", {"max-bandwidth": TRICKLE})
        start.migrate(pair)
        wait_until("memory to be under way", lambda: _sent(primary) > TRICKLE // 16, timeout=DEADLINE_S)
        yield
        if primary.alive:
            primary.execute("migrate-set-parameters", {"max-bandwidth": usual})


class DeviceState(_Starting):
    """The guest has stopped, and the state of its devices does not get on: the pair's topology is relayed.

    QMP does not answer meanwhile, but out-of-band: the thread that sends has the big lock.
    """

    def _held(self, pair: ColoPair) -> Iterator[None]:
        with small_buffers(pair.network.host(pair.host(Role.PRIMARY))):  # else all of it is under way at once
            pair.relays.first = (Message.DEVICE_STATE,)
            start.migrate(pair)
            pair.relays.checkpoint.wait_held(timeout=DEADLINE_S)
            wait_until("the primary's state to get stuck", lambda: _stuck(pair), timeout=DEADLINE_S)
            yield


class Ready(_Starting):
    """The secondary has all, runs, and says so; the primary does not hear it: the pair's topology is relayed."""

    def _held(self, pair: ColoPair) -> Iterator[None]:
        pair.relays.first = (Message.CHECKPOINT_READY,)
        start.migrate(pair)
        pair.relays.await_held(timeout=DEADLINE_S)
        yield


BEFORE_LISTENING = Unheard("before-listening", FellWhileStarting("refused"))
IN_FIRST_PASS = FirstPass("in-first-pass", FellWhileStarting("first pass"))
IN_DEVICE_STATE = DeviceState("in-device-state", FellWhileStarting("device"))
AT_READY = Ready("at-ready", FellWhileStarting("ready"))


def _await_migration(vm: VM, status: str) -> None:
    """Return once the migration is there. Raises WaitTimeout."""
    wait_until(
        f"the migration of {vm.name} to be {status}",
        lambda: vm.execute("query-migrate").get("status") == status,
        timeout=DEADLINE_S,
        seen=lambda: vm.execute("query-migrate"),
    )


def _sent(vm: VM) -> int:
    """Return how many bytes of memory have been sent."""
    told: dict[str, Any] = vm.execute("query-migrate")
    return int(told.get("ram", {}).get("transferred", 0))


def _stuck(pair: ColoPair) -> bool:
    """Tell whether bytes wait that the primary has sent to the relay."""
    namespace = pair.network.host(pair.host(Role.PRIMARY))
    told = run(["ss", "-Htn", f"dport = :{RELAY_PORT}"], namespace=namespace, timeout=DEADLINE_S)
    return int(told.split()[2]) > 0
