"""Faults of networks and hosts: seen to bite and to heal, whatever happens in between."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from colo_harness.errors import MachineError
from colo_harness.faults.host import HostDeath
from colo_harness.faults.partition import Partition, Unplugged
from colo_harness.faults.slow import Slow
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.network import HOSTS, Network
from colo_harness.machine.process import Process
from colo_harness.qemu.topology import Channel, Role
from colo_harness.wait import wait_until

CALLER = """
import signal, socket, sys
end = socket.create_connection(("10.88.0.2", 4712))
end.sendall(b"here")
signal.pause()
"""
BUSY = """
import time
while True:
    print(time.monotonic(), flush=True)
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A network with nobody on it."""
    with Network() as network:
        yield network


class Victim:
    """As much of a VM as a fault of a host needs: a name and a process."""

    def __init__(self, process: Process) -> None:
        self.name = "host_a"
        self.process = process
        self.kill = process.kill


def pair_of(network: Network, victim: Victim | None = None) -> Any:
    """Return as much of a pair as faults ask: who is where."""
    hosts = dict(zip(Role, HOSTS, strict=True))
    return SimpleNamespace(
        network=network, host=hosts.get, vm=lambda _: victim, power_off=lambda _: victim and victim.kill()
    )


@pytest.fixture
def program(network: Network, tmp_path: Path) -> Iterator[Any]:
    """A starter of programs on host_a."""
    with Guardian() as guardian:
        running: list[Process] = []

        def start(text: str) -> Process:
            argv = [sys.executable, "-c", text]
            running.append(Process(argv, name="it", log_dir=tmp_path, guardian=guardian, namespace=network.host_a))
            return running[-1]

        yield start
        for process in running:
            process.kill()


def stream(network: Network, port: int) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection from host_a to this port of host_b."""
    listener = network.host_b.socket(socket.AF_INET, socket.SOCK_STREAM)
    caller = network.host_a.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((network.address("host_b"), port))
        listener.listen()
        caller.connect(listener.getsockname())
        called, _ = listener.accept()
    for end in (caller, called):
        end.settimeout(5)
    return caller, called


def passes(source: socket.socket, target: socket.socket) -> bool:
    """Say whether a byte comes through within a quarter of a second, or before the connection is reset."""
    target.settimeout(0.25)
    try:
        source.send(b"x")
        return target.recv(1) == b"x"
    except (TimeoutError, ConnectionError):
        return False


def test_a_stream_is_cut_off_and_no_other(network: Network) -> None:
    """Nor are that stream's words in the other direction, where one is asked for; later all comes through."""
    ours, other = stream(network, int(Channel.NBD)), stream(network, int(Channel.CHECKPOINT))
    with ours[0], ours[1], other[0], other[1]:
        with Partition(Channel.NBD, Role.PRIMARY).inject(pair_of(network)) as bite:
            assert not passes(*ours)
            assert passes(*reversed(ours))
            assert passes(*other)
        assert bite["lost"] > 1
        ours[1].settimeout(5)
        assert ours[1].recv(1) == b"x"


@pytest.mark.parametrize("unheard", [None, *Role], ids=str)
def test_a_network_is_cut_off(network: Network, unheard: Role | None) -> None:
    """Whatever is said there, by one host or by both."""
    caller, called = stream(network, 4711)
    speaker, hearer = (called, caller) if unheard is Role.SECONDARY else (caller, called)
    with caller, called:
        with Partition(unheard=unheard).inject(pair_of(network)):
            assert not passes(speaker, hearer)
        hearer.settimeout(5)
        assert hearer.recv(1) == b"x"


def test_a_refused_stream_is_reset(network: Network) -> None:
    """Whoever says something is told at once; the other end hears nothing."""
    caller, called = stream(network, int(Channel.MIRROR))
    with caller, called:
        with Partition(Channel.MIRROR, how="reject").inject(pair_of(network)) as bite:
            called.send(b"x")
            with pytest.raises(ConnectionResetError):
                called.recv(1)
            assert not passes(called, caller)
        assert bite["refused"] > 0


@pytest.mark.parametrize("way", ["both", "from", "to"])
@pytest.mark.parametrize("who", ["client", *Role], ids=str)
def test_somebody_is_unplugged(network: Network, who: Any, way: Any) -> None:
    """It bites and heals at each port and in each direction, by what arrives at somebody else's."""
    with Unplugged(who, way).inject(pair_of(network)) as bite:
        pass
    assert bite["lost"] >= 1 + (way == "both")


@pytest.mark.needs("forgetting")
def test_a_host_dies_without_a_word(network: Network, program: Any) -> None:
    """Its peer hears of it only when it speaks to the host that has booted."""
    listener = network.host_b.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((network.address("host_b"), 4712))
        listener.listen()
        listener.settimeout(10)
        process = program(CALLER)
        called, _ = listener.accept()
        with called:
            assert called.recv(4) == b"here"
            with HostDeath(Role.PRIMARY).inject(pair_of(network, Victim(process))):
                assert not process.alive
                called.settimeout(0.25)
                with pytest.raises(TimeoutError):
                    called.recv(1)
            called.settimeout(5)
            called.send(b"still there?")
            with pytest.raises(ConnectionResetError):
                called.recv(1)


def test_a_slow_process_goes_on_in_the_end(network: Network, program: Any) -> None:
    """It is stopped and thawed in turns, and runs when that is over."""
    process = program(BUSY)
    wait_until("its first word", process.stdout, timeout=10)
    with Slow(Role.PRIMARY).inject(pair_of(network, Victim(process))) as bite:
        pass
    said = len(process.stdout())
    wait_until("another word", lambda: len(process.stdout()) > said, timeout=10)
    assert bite["turns"] >= 3


def test_a_slow_process_may_die(network: Network, program: Any) -> None:
    """Then there is nothing to heal."""
    process = program(BUSY)
    with Slow(Role.PRIMARY).inject(pair_of(network, Victim(process))):
        process.kill()
    assert not process.alive


def test_who_is_dead_cannot_be_slowed_down(network: Network, program: Any) -> None:
    """The fault says that it did not bite."""
    process = program(BUSY)
    process.kill()
    with pytest.raises(MachineError, match="slowed down"), Slow(Role.PRIMARY).inject(pair_of(network, Victim(process))):
        pass
