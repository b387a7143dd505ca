"""The power switch and its command: a host is off when all that runs on it is gone, and only then do they say so."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from colo_harness.errors import MachineError
from colo_harness.history import History
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process
from colo_harness.manager.handover import FENCE
from colo_harness.manager.switch import PowerSwitch
from colo_harness.qemu.topology import HOSTS, Host, Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


class Hosts:
    """What the switch knows of a pair: a program on each host, and a history."""

    def __init__(self, programs: dict[Host, Process]) -> None:
        self.programs = programs
        self.history = History()

    def host(self, role: Role) -> Host:
        """Return who has the role."""
        return HOSTS[role is Role.SECONDARY]

    def fence(self, role: Role) -> None:
        """End the host's program."""
        if not self.programs[self.host(role)].alive:
            raise MachineError("it is dead already", "look twice")
        self.programs[self.host(role)].kill()


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """Two hosts, on each of which a program runs."""
    with Guardian() as guardian:
        programs = {host: Process(["sleep", "600"], name=host, log_dir=tmp_path, guardian=guardian) for host in HOSTS}
        yield Hosts(programs)
        for program in programs.values():
            program.kill()


@pytest.fixture
def switch(hosts: Hosts, tmp_path: Path) -> Iterator[PowerSwitch]:
    """Their switch."""
    switch = PowerSwitch(cast("ColoPair", hosts), tmp_path / "fence.sock")
    yield switch
    switch.close()


def command(switch: PowerSwitch, *wish: str) -> list[str]:
    """Return the command line of a wish."""
    return [sys.executable, "-I", "-S", str(FENCE), str(switch.door), *wish]


def fence(switch: PowerSwitch, *wish: str) -> tuple[int, str]:
    """Run the fence command; return its exit status and what it complains of."""
    done = subprocess.run(command(switch, *wish), capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stderr.strip()


def test_who_is_off_is_dead(switch: PowerSwitch, hosts: Hosts) -> None:
    """The host, and nobody else; the history has it."""
    assert fence(switch, "host_b", "host_a") == (0, "")
    assert [hosts.programs[host].alive for host in HOSTS] == [True, False]
    assert [(entry.who, entry.what, entry.data) for entry in hosts.history] == [("host_b", "fenced", {"by": "host_a"})]


def test_who_is_off_gets_nobody_off(switch: PowerSwitch, hosts: Hosts) -> None:
    """Of two hosts that want each other off, one stays."""
    racers = [
        subprocess.Popen(command(switch, HOSTS[1 - number], host), stderr=subprocess.DEVNULL)
        for number, host in enumerate(HOSTS)
    ]
    assert sorted(racer.wait(20) for racer in racers) == [0, 1]
    assert sorted(hosts.programs[host].alive for host in HOSTS) == [False, True]


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        (("host_c",), "there is no host host_c"),
        ((), "there is no host"),
        (("host_b",), "it is dead already   look twice"),
    ],
    ids=["stranger", "nobody", "dead"],
)
def test_what_cannot_be_done_is_said(switch: PowerSwitch, hosts: Hosts, wish: tuple[str, ...], answer: str) -> None:
    """With a status that is no confirmation."""
    hosts.programs["host_b"].kill()
    assert fence(switch, *wish) == (1, answer)


def test_a_jammed_switch_confirms_nothing(switch: PowerSwitch, hosts: Hosts) -> None:
    """And does nothing."""
    switch.jammed = True
    assert fence(switch, "host_a") == (1, "the power switch is jammed")
    assert hosts.programs["host_a"].alive


def test_it_outlives_who_hangs_up(switch: PowerSwitch, hosts: Hosts) -> None:
    """A host that asks may be powered off itself before it has its answer."""
    asking = subprocess.Popen(command(switch, "host_a"))
    asking.kill()
    asking.wait()
    assert fence(switch, "host_b") == (0, "")
    wait_until("host_b to be off", lambda: not hosts.programs["host_b"].alive, timeout=5)


def test_without_a_switch_nothing_is_confirmed(switch: PowerSwitch) -> None:
    """The command fails."""
    switch.close()
    assert fence(switch, "host_a")[0] == 1
