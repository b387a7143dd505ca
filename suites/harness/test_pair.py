"""`colo pair`: a pair that is left running does what it is asked for, and leaves nothing."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any

import pytest

from colo_harness.colo.running import Running
from colo_harness.qemu import release
from colo_harness.recording import load
from colo_harness.settings import Settings
from colo_harness.wait import wait_until

COLO = Path(sys.executable).with_name("colo")
LIMIT = 120.0


@dataclass(frozen=True)
class Desktop:
    """A user with a runtime folder of his own, who types `colo pair …`."""

    runtime: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """What the user's commands find in their environment."""
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime), "COLUMNS": "300"}

    def argv(self, command: str, *arguments: str) -> list[str]:
        """Return the command line of `colo pair <command>`."""
        up = ["--accel", "tcg", "--cache-dir", str(self.settings.cache_dir)] if command == "up" else []
        return [str(COLO), "pair", command, *up, *arguments]

    def run(self, argv: list[str], stdin: str = "") -> CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            argv, input=stdin, env=self.environment, capture_output=True, text=True, check=False, timeout=LIMIT
        )

    def colo(self, *arguments: str) -> str:
        """Run `colo pair …`, which must succeed, and return its output."""
        done = self.run(self.argv(*arguments))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run `colo pair …`, which must end with status 2 and an error of one line and a remedy; return that."""
        done = self.run(self.argv(*arguments))
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 2), done.stderr
        assert re.match(r"colo: .+\n  .+\n", done.stderr)
        return done.stderr

    def status(self, *arguments: str) -> dict[str, Any]:
        """Return what `colo pair status --json` says."""
        status: dict[str, Any] = json.loads(self.colo("status", "--json", *arguments))
        return status

    def sides(self) -> dict[str, tuple[str | None, str]]:
        """Return role and run state by host."""
        return {host: (side["role"], side["run_state"]) for host, side in self.status()["hosts"].items()}

    def processes(self) -> list[int]:
        """Return the living processes that know this desktop's folder: keepers, their guardians and QEMUs."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
                continue
            if os.fsencode(self.runtime) in command:
                found.append(int(entry.name))
        return found

    def leftovers(self) -> list[object]:
        """Return the processes, and the folders in the registry."""
        return [*self.processes(), *(path.name for path in self.runtime.glob("colo-pairs/[!.]*"))]


@contextmanager
def sat_at(runtime: Path, settings: Settings) -> Iterator[Desktop]:
    """Yield a desktop whose pairs end with the block."""
    runtime.chmod(0o700)
    desktop = Desktop(runtime, settings)
    yield desktop
    for folder in runtime.glob("colo-pairs/[!.]*"):
        Running(folder.name, folder).down()


@pytest.fixture
def desktop(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Desktop]:
    """A desktop without a pair."""
    with sat_at(tmp_path_factory.mktemp("run"), settings) as desktop:
        yield desktop


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Desktop]:
    """A desktop with a pair that replicates; the tests that share it leave it so."""
    with sat_at(tmp_path_factory.mktemp("run"), settings) as desktop:
        desktop.colo("up")
        yield desktop


@pytest.fixture
def played(desktop: Desktop) -> Desktop:
    """A desktop with a pair to be broken."""
    desktop.colo("up")
    return desktop


def test_up_says_how_to_get_at_the_pair(desktop: Desktop) -> None:
    """Progress first; then, for each host, lines to paste."""
    said = desktop.colo("up", "--guest", "tick", "--delay", "5000")
    assert re.match(r" +\d\.\d s  asking QEMU", said)
    status = desktop.status()
    assert (status["state"], status["guest"], status["delay_ms"]) == ("replicating", "tick", 5000)
    for side in status["hosts"].values():
        assert all(side[way] in said for way in ("qmp", "hmp", "console", "nsenter", "gdb"))
    assert status["client"]["namespace"] in said
    assert status["history"] in said
    assert desktop.colo("down") == "the pair 'pair' is gone\n"
    assert desktop.leftovers() == []


def test_a_talkative_guest_fills_its_console_and_no_history(desktop: Desktop) -> None:
    """A boot sector talks all day; what it says can be followed."""
    desktop.colo("up", "--guest", "tick")
    status = desktop.status()
    for side in status["hosts"].values():
        *tail, log = shlex.split(side["console"])
        assert tail == ["tail", "-f"]
        assert re.search(r"^[0-9a-f]{8}$", Path(log).read_text(), re.MULTILINE)
    assert "console" not in kinds_in(status["history"])


def kinds_in(history: str) -> set[str]:
    """Return the kinds of entries that a history has."""
    return {entry.kind for entry in load(Path(history)).entries}


def test_a_pair_is_left_in_colo(busy: Desktop) -> None:
    """By QEMU's own word, which the status need not ask for."""
    assert busy.sides() == {"host_a": ("primary", "running"), "host_b": ("secondary", "running")}
    for host, role in (("host_a", "primary"), ("host_b", "secondary")):
        assert json.loads(busy.colo("qmp", host, "query-colo-status"))["mode"] == role
        assert json.loads(busy.colo("qmp", role, "query-name"))["name"] == host
        assert json.loads(busy.colo("qmp", host, "query-status"))["running"]


def test_the_keeper_is_in_a_session_of_its_own(busy: Desktop) -> None:
    """No terminal's end ends it, and it keeps none."""
    keepers = [pid for pid in busy.processes() if b"keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(keepers) == 1
    assert os.getsid(keepers[0]) == keepers[0]
    targets = {str(Path(f"/proc/{keepers[0]}/fd/{number}").readlink()) for number in (1, 2)}
    assert targets == {"/dev/null", f"{busy.status()['folder']}/keeper.log"}


def test_a_checkpoint_is_taken_and_counted(busy: Desktop) -> None:
    """On both sides, with the time for which each stood still."""
    before = busy.status()["hosts"]
    said = busy.colo("checkpoint")
    after = busy.status()["hosts"]
    assert [after[host]["checkpoints"] - before[host]["checkpoints"] for host in after] == [1, 1]
    assert all(f"{host} stood still for {side['last_pause_ms']} ms" in said for host, side in after.items())
    assert all(0 < side["last_pause_ms"] < 20_000 for side in after.values())


def test_the_history_is_one(busy: Desktop) -> None:
    """It can be read by what reads histories."""
    assert {"phase", "event", "trace"} <= kinds_in(busy.status()["history"])


def test_run_states_follow_qemus_events(busy: Desktop) -> None:
    """Whoever stops a guest."""
    busy.colo("qmp", "secondary", "stop")
    assert busy.sides()["host_b"] == ("secondary", "paused")
    busy.colo("qmp", "secondary", "cont")
    assert busy.sides()["host_b"] == ("secondary", "running")


def test_the_status_is_a_table(busy: Desktop) -> None:
    """Roles, run states, checkpoints and events."""
    said = busy.colo("status")
    assert re.search(r"^pair +replicating ", said)
    for host, role in (("host_a", "primary"), ("host_b", "secondary")):
        assert re.search(rf"^{host} +{role} +running +\d+ ", said, re.MULTILINE)
    assert re.search(r"s +pair +replicating", said)


def test_watching_shows_what_happens(busy: Desktop) -> None:
    """Each look is a line of JSON; Ctrl-C is how one leaves."""
    argv = busy.argv("status", "--watch", "--json")
    with Popen(argv, env=busy.environment, stdout=PIPE, stderr=PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        first = json.loads(watcher.stdout.readline())["hosts"]["host_a"]["checkpoints"]
        busy.colo("checkpoint")
        counts = (json.loads(line)["hosts"]["host_a"]["checkpoints"] for line in watcher.stdout)
        assert next(count for count in counts if count > first) == first + 1
        watcher.send_signal(signal.SIGINT)
        _, complaint = watcher.communicate(timeout=LIMIT)
    assert (watcher.returncode, complaint) == (0, "")


def test_watching_on_a_terminal_is_live(busy: Desktop) -> None:
    """One picture, drawn over and over."""
    ours, theirs = pty.openpty()
    argv = busy.argv("status", "--watch")
    with Popen(argv, env={**busy.environment, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs) as watcher:
        os.close(theirs)
        seen = b""
        while seen.count(b"replicating") < 5:
            seen += os.read(ours, 65536)
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(LIMIT) == 0
    os.close(ours)
    assert b"\x1b[1A" in seen


@pytest.mark.parametrize("prefix", [[], ["--"]], ids=["plain", "dashes"])
def test_a_command_runs_in_the_clients_namespace(busy: Desktop, prefix: list[str]) -> None:
    """With its own options, output and status."""
    assert "10.77.0.1/24" in busy.colo("shell", *prefix, "ip", "-br", "address")
    assert busy.run(busy.argv("shell", *prefix, "sh", "-c", "exit 7")).returncode == 7


def test_a_prompt_is_in_the_clients_namespace(busy: Desktop) -> None:
    """What is typed there runs there."""
    done = busy.run(busy.argv("shell"), stdin="ip -br address show svc0\nexit 5\n")
    assert "10.77.0.1/24" in done.stdout
    assert done.returncode == 5


def test_what_is_printed_can_be_pasted(busy: Desktop) -> None:
    """Namespaces and monitors; gdb's line has tests of its own."""
    for number, (host, side) in enumerate(busy.status()["hosts"].items(), start=1):
        inside = busy.run([*shlex.split(side["nsenter"]), "ip", "-br", "address", "show", "colo0"])
        assert f"10.88.0.{number}/24" in inside.stdout
        assert f'"name": "{host}"' in busy.run([*shlex.split(side["qmp"]), "-p"], stdin="query-name\n").stdout
        assert host in busy.run(shlex.split(side["hmp"]), stdin="info name\n").stdout
        assert Path(f"/proc/{side['pid']}/cmdline").read_bytes().count(host.encode())


def test_hmp_is_printed_as_it_is(busy: Desktop) -> None:
    """Arguments are a JSON object."""
    said = busy.colo("qmp", "host_a", "human-monitor-command", '{"command-line": "info status"}')
    assert said.startswith("VM status: running")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["status", "--name", "other"], "no pair 'other' is running"),
        (["up", "--name", "pair"], "a pair 'pair' is running"),
        (["up", "--name", "no/name"], "no name for a pair"),
        (["qmp", "host_c", "query-status"], "'host_c' is neither a host nor a role"),
        (["qmp", "host_a", "query-nonsense"], "host_a refuses query-nonsense"),
        (["qmp", "host_a", "query-status", "[1"], "'\\[1' is no JSON object"),
        (["qmp", "host_a", "object-del", '{"id": "nobody"}'], "host_a refuses object-del"),
        (["kill", "tertiary"], "'tertiary' is neither a host nor a role"),
        (["failover"], "both sides live"),
        (["resume"], "nothing to resume"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_a_line_and_its_remedy(busy: Desktop, arguments: list[str], complaint: str) -> None:
    """And the pair is none the worse for it."""
    assert re.match(f"colo: .*{complaint}", busy.refused(*arguments))
    assert busy.status()["state"] == "replicating"


def test_without_a_pair_everything_says_so(desktop: Desktop) -> None:
    """And what to do about it."""
    for command in (["status"], ["shell", "true"], ["qmp", "host_a", "query-status"], ["kill", "host_a"], ["down"]):
        assert desktop.refused(*command) == "colo: no pair is running\n  start one: `colo pair up`\n"


@pytest.mark.parametrize(
    ("command", "state", "lost", "left"),
    [("kill", "dead", "host_a", "host_b"), ("freeze", "frozen", "host_b", "host_a")],
    ids=["kill-primary", "freeze-secondary"],
)
def test_the_side_that_is_left_carries_on_and_is_joined_again(
    played: Desktop, command: str, state: str, lost: str, left: str
) -> None:
    """Lost, failed over, resumed: the lost side by host, the survivor by nobody's naming it."""
    roles = {"host_a": "primary", "host_b": "secondary"}
    assert lost in played.colo(command, lost)
    assert played.status()["state"] == "broken"
    assert played.sides()[lost] == (roles[lost], state)

    assert f"{left} carries on alone" in played.colo("failover")
    assert played.status()["state"] == "alone"
    assert played.sides() == {lost: (None, "dead"), left: ("primary", "running")}
    assert "has failed over" in played.refused("failover")
    assert "does not replicate" in played.refused("checkpoint")

    assert f"{lost} is the secondary" in played.colo("resume")
    assert played.sides() == {lost: ("secondary", "running"), left: ("primary", "running")}
    assert played.status()["state"] == "replicating"
    played.colo("checkpoint")


def test_whoever_is_named_carries_on(played: Desktop) -> None:
    """Also while both live; the other one is fenced."""
    assert "host_b carries on alone" in played.colo("failover", "secondary")
    assert played.sides() == {"host_a": (None, "dead"), "host_b": ("primary", "running")}


def test_the_dead_and_the_frozen_are_not_asked(played: Desktop) -> None:
    """A command to a QEMU that cannot answer would wait for its deadline."""
    played.colo("freeze", "primary")
    assert "host_a is frozen" in played.refused("qmp", "primary", "query-status")
    assert "host_a is frozen" in played.refused("failover", "primary")
    played.colo("kill", "primary")
    assert "host_a is dead" in played.refused("qmp", "primary", "query-status")
    played.colo("kill", "secondary")
    assert "neither side lives" in played.refused("failover")


def test_several_pairs_do_not_meet(desktop: Desktop) -> None:
    """Each has a name, hosts and an end of its own."""
    desktop.colo("up", "--name", "left")
    desktop.colo("up", "--name", "right")
    assert "2 pairs are running: left, right" in desktop.refused("status")
    desktop.colo("kill", "primary", "--name", "left")
    assert desktop.status("--name", "left")["state"] == "broken"
    assert desktop.status("--name", "right")["state"] == "replicating"
    desktop.colo("down", "--name", "left")
    assert (desktop.status()["name"], desktop.status()["state"]) == ("right", "replicating")
    desktop.colo("down")
    assert desktop.leftovers() == []


def test_nothing_outlives_a_keeper_that_is_killed(played: Desktop) -> None:
    """Neither processes nor its folder; and the next command knows that there is no pair."""
    keeper = next(pid for pid in played.processes() if b"keeper" in Path(f"/proc/{pid}/cmdline").read_bytes())
    assert len(played.processes()) == 4
    os.kill(keeper, signal.SIGKILL)
    wait_until("all to be gone", lambda: not played.leftovers(), timeout=LIMIT, seen=played.leftovers)
    assert "no pair is running" in played.refused("status")


SECONDARYS = "*tcp:0.0.0.0:9998*"


def wrapped(desktop: Desktop, which: str, instead: str) -> str:
    """Return the path of a QEMU that does something else `instead` when its arguments are like the pattern `which`."""
    qemu = desktop.runtime / "qemu"
    reference = shlex.join(release.reference(desktop.settings).argv())
    qemu.write_text(f'#!/bin/sh\ncase "$*" in {which}) {instead};; esac\nexec {reference} "$@"\n')
    qemu.chmod(0o755)
    return str(qemu)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
@pytest.mark.parametrize("which", ["*", SECONDARYS], ids=["first", "secondary"])
def test_nothing_is_left_of_an_up_that_is_ended(desktop: Desktop, end: signal.Signals, which: str) -> None:
    """By Ctrl-C or harder, here while a QEMU hangs at start: a pair that nobody was told of does not stay."""
    reached = desktop.runtime / "reached"
    qemu = wrapped(desktop, which, f"> {reached}; exec tail -f {reached}")
    with Popen(desktop.argv("up", "--qemu", qemu), env=desktop.environment, stdout=PIPE, stderr=PIPE) as starting:
        wait_until("QEMU to hang", reached.exists, timeout=LIMIT)
        starting.send_signal(end)
        starting.wait(LIMIT)
    assert starting.returncode != 0
    wait_until("all to be gone", lambda: not desktop.leftovers(), timeout=LIMIT, seen=desktop.leftovers)


@pytest.mark.parametrize("which", ["*-machine*", SECONDARYS], ids=["first", "secondary"])
def test_a_qemu_that_refuses_is_one_error(desktop: Desktop, which: str) -> None:
    """With QEMU's own words; and nothing of the pair stays."""
    qemu = wrapped(desktop, which, 'echo "no room" >&2; exit 1')
    assert re.search(r"QEMU died at start: .*no room", desktop.refused("up", "--qemu", qemu))
    assert desktop.leftovers() == []
