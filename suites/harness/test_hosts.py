"""A pair on real hosts: they are reached by ssh alone, and nothing of ours stays on them."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from colo_harness.colo import relay
from colo_harness.colo.message import Message
from colo_harness.errors import OutOfReach, UsageError, WaitTimeout
from colo_harness.history import History
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.site import Clock, Here
from colo_harness.qemu import argv, guest, release
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM, Surroundings
from colo_harness.remote import hosts
from colo_harness.remote.examination import examine
from colo_harness.remote.fleet import Fleet
from colo_harness.remote.there import There
from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from suites.harness.two_machines import LATER, ROOT, TwoMachines, two_machines

SOUND = """[client]
service = "eth1"

[host_a]
ssh = "root@a.example:2222"
service = "eth1"
colo = "eth2"
address = "10.0.0.1/24"

[host_b]
ssh = "b.example"
service = "eth1"
colo = "eth2"
address = "10.0.0.2/24"
fence = ["ipmitool", "-H", "b.example", "chassis", "power", "off"]
"""
LOGGED_IN = pytest.mark.needs("sshd")
ON_TWO_MACHINES = "suites/failover/test_sessions.py::test_sessions_opened_since_the_checkpoint_live_on"
"""What each run of the harness's tests has two machines do; all of it is `make hosts`."""
VICTIM = """
import sys
from pathlib import Path
from colo_harness.machine.guardian import Guardian
from colo_harness.remote.fleet import Fleet

folder = Path(sys.argv[2])
folder.mkdir()
(folder / "disk").write_text("it")
with Fleet(Path(sys.argv[1])) as fleet, Guardian() as guardian:
    site = fleet.site("host_a")
    site.hand_over(folder)
    program = site.start(["sleep", "1000"], name="it", log_dir=folder, guardian=guardian)
    print(program.pid, flush=True)
    sys.stdin.read()
"""

COMMANDS = """
import pathlib
for one in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    print(one.read_bytes())
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    """Two machines of this module."""
    with Guardian() as guardian, two_machines(tmp_path_factory.mktemp("machines"), guardian) as machines:
        yield machines


@pytest.fixture
def site(machines: TwoMachines) -> Iterator[There]:
    """host_a, with an agent of its own."""
    with machines.runner.entered():  # the thread that has the connection stays there
        fleet = Fleet(machines.hosts)
    with fleet:
        site = fleet.site("host_a")
        yield site
        site.close()


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('service = "eth1"\n\n[host_a]', 'servcie = "eth1"\n\n[host_a]', "line 1: client: service is missing"),
        ('colo = "eth2"\naddress = "10.0.0.1', 'colo = 2\naddress = "10.0.0.1', "line 7: host_a.colo: 2 is not a text"),
        ('"10.0.0.2/24"', '"10.0.0.2"', "line 14: host_b.address: '10.0.0.2' has no prefix with room for two"),
        ('"10.0.0.2/24"', '"10.0.1.2/24"', "line 14: host_b.address: 10.0.1.2/24 is no other address of 10.0.0.0/24"),
        ('"b.example"\n', '"b example"\n', "line 11: host_b.ssh: 'b example' is no `user@name:port`"),
        ('"off"]', "3]", "line 15: host_b.fence[5]: 3 is not a text"),
        ('"eth2"\naddress = "10.0.0.1', '"eth1"\naddress = "10.0.0.1', "line 7: host_a.colo: the COLO network needs"),
        ("[host_b]", "[host_c]", "host_b is missing"),
        ("[host_b]", "[host_b", "at line 10"),
    ],
)
def test_errors_name_line_and_key(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    """What a hosts.toml says wrongly is refused with the line and the key."""
    file = tmp_path / "hosts.toml"
    file.write_text(SOUND, encoding="utf-8")
    assert hosts.load(file).host_b.fence[0] == "ipmitool"
    file.write_text(SOUND.replace(right, wrong, 1), encoding="utf-8")

    with pytest.raises(UsageError) as refusal:
        hosts.load(file)

    assert told in str(refusal.value)


@LOGGED_IN
def test_machines_share_nothing_with_us(site: There, tmp_path: Path) -> None:
    """A host sees none of our files and processes, nor our clock: whatever comes to it comes by ssh."""
    ours = tmp_path / "ours"
    ours.touch()

    assert not site.has(ours)
    assert not site.has(ROOT / "pyproject.toml")
    assert "pytest" not in site.run(site.python, "-c", COMMANDS)
    assert float(site.run("cat", "/proc/uptime").split()[0]) > LATER


@LOGGED_IN
def test_files_of_a_host_are_there_alone(site: There, tmp_path: Path) -> None:
    """What is handed over is gone here, can be moved there, and fetched."""
    folder = tmp_path / "colo-handed"
    folder.mkdir()
    (folder / "disk").write_text("it", encoding="ascii")

    site.hand_over(folder)
    site.move(folder / "disk", folder / "moved")

    assert not list(folder.iterdir())
    assert not site.has(folder / "disk")
    assert site.fetch(folder / "moved").read_text(encoding="ascii") == "it"


@LOGGED_IN
def test_a_program_of_a_host_is_like_one_of_ours(site: There, tmp_path: Path) -> None:
    """It can be stopped, read, waited for and killed, with what it has started."""
    words = ["env", "sh", "-c", "echo said >&2; sleep 1000 & wait"]
    with Guardian() as guardian, site.start(words, name="it", log_dir=tmp_path, guardian=guardian) as program:
        wait_until("it to speak", lambda: program.stderr() == "said\n", timeout=10)
        program.signal(19)
        wait_until("all of it to stop", lambda: program.stopped and len(program.states()) == 2, timeout=10)
        with pytest.raises(WaitTimeout, match="do_signal_stop"):
            program.wait(0.05)
        program.kill()

        assert (program.poll(), program.states(), program.stderr()) == (-9, [], "said\n")
        with pytest.raises(ProcessLookupError):
            program.signal(15)


@LOGGED_IN
def test_what_works_on_a_host_is_used_as_if_it_were_here(site: There) -> None:
    """A relay there is asked and told as one here, and raises what one here would."""
    at, target = ("127.0.0.1", 9997), ("127.0.0.1", 9998)
    there = site.employ(relay.between, at=at, target=target, breaks=())
    there.hold(Message.VMSTATE_LOADED)

    assert (there.held, there.passed, there.over) == (None, [], False)
    with pytest.raises(WaitTimeout, match="no vmstate-loaded came"):
        there.wait_held(timeout=0.01)
    there.close()


@LOGGED_IN
def test_nothing_stays_on_a_host_whose_runner_is_killed(machines: TwoMachines, site: There, tmp_path: Path) -> None:
    """With kill -9 of the runner go the programs and the folders that it had on a host."""
    folder = tmp_path / "colo-killed"
    with machines.runner.entered():
        victim = Popen([sys.executable, "-c", VICTIM, machines.hosts, folder], stdin=PIPE, stdout=PIPE, cwd=ROOT)
    with victim:
        assert victim.stdout is not None
        pid = int(victim.stdout.readline())
        assert site.has(Path(f"/proc/{pid}"))
        assert site.has(folder / "disk")
        victim.kill()

        wait_until("the program to go", lambda: not site.has(Path(f"/proc/{pid}")), timeout=20)
        wait_until("the folder to go", lambda: not site.has(folder), timeout=20)


@LOGGED_IN
def test_a_fence_takes_the_power(tmp_path: Path) -> None:
    """The user's command is run, waited for, and believed: what was on the host is dead, and nothing is to be had."""
    with ExitStack() as stack:
        guardian = stack.enter_context(Guardian())
        machines = stack.enter_context(two_machines(tmp_path, guardian))
        with machines.runner.entered():
            fleet = stack.enter_context(Fleet(machines.hosts))
        fence = ("kill", "-KILL", str(machines.servers[0].pid))
        site = There(fleet.site("host_a").link, replace(fleet.hosts.host_a, fence=fence), set())
        stack.callback(site.close)
        program = stack.enter_context(site.start(["sleep", "9"], name="it", log_dir=tmp_path, guardian=guardian))

        site.fence()
        program.kill()

        assert (program.poll(), program.states()) == (-9, [])
        with pytest.raises(OutOfReach, match="no power"):
            site.has(tmp_path)


def test_stamps_are_read_by_the_clock_that_made_them(settings: Settings, tmp_path: Path) -> None:
    """What a QEMU stamps whose clock is ahead of ours is put where it belongs in the history."""

    class Ahead(Here):
        clock = Clock(1000, 0.001)

    files, topology = Files(tmp_path), Topology(guest="tick")
    disk = Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(settings)}")
    graph = argv.machine(topology, files, host="host_a", boot=None).joined([disk])
    command = [*release.reference(settings).argv(), *graph]
    with Guardian() as guardian, Loop() as loop, History() as history:
        around = Surroundings(loop, guardian, settings.timeouts)
        with VM("host_a", command, files, site=Ahead(), history=history, around=around) as vm:
            vm.execute("stop")
            stopped = vm.await_event("STOP", since=0, timeout=10)

    assert history.entries[0].data == {"ahead": 1000, "uncertain": 0.001}
    assert -1001 < stopped.at < -900


@LOGGED_IN
def test_doctor_tries_both_hosts_and_what_is_between(machines: TwoMachines, tmp_path: Path) -> None:
    """All is well with a sound file; of an interface that is not there, the host is named whose it is to be."""
    wrong = tmp_path / "hosts.toml"
    before, after = machines.hosts.read_text(encoding="utf-8").split("[host_b]")
    wrong.write_text(f"{before}[host_b]{after.replace('lan0', 'lan9')}", encoding="utf-8")
    settings = Settings(qemu=Path("/usr/bin/env"))  # it has a version, and is there already
    with machines.runner.entered():
        sound, broken = (list(examine(settings, file)) for file in (machines.hosts, wrong))

    assert [one for one in sound if one.must and not one.ok] == []
    assert len(sound) == len(broken) == 11
    assert [(one.name, "host_b" in one.text) for one in broken if one.must and not one.ok] == [("between hosts", True)]


@LOGGED_IN
def test_a_pair_runs_on_two_machines(machines: TwoMachines, tmp_path: Path) -> None:
    """One command judges claims on hosts that are reached by ssh, its controls included."""
    results = tmp_path / "results"
    options = ["--hosts", str(machines.hosts), "--results-dir", str(results)]
    with Guardian() as guardian:
        with machines.colo("run", *options, "--", ON_TWO_MACHINES, log_dir=tmp_path, guardian=guardian) as run:
            status = run.wait(240)
        said = run.stdout() + run.stderr()

    told = json.loads((results / "claims.json").read_text(encoding="utf-8"))
    assert status == 0, said
    assert {one["id"]: one["verdict"] for one in told["claims"]} == {"FT-1": "valid"}, said
    assert "host_b ssh" in said
