"""The guardian: whatever way a run dies, its processes and folders go with it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.guardian import Guardian, group_members
from colo_harness.machine.process import Process
from colo_harness.wait import wait_until

VICTIM = """
import json, signal, sys
from pathlib import Path
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process

for number in (signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_DFL)  # nohup and a shell's `&` hand down that they are ignored
folder = Path(sys.argv[1])
folder.mkdir()
(folder / "disk.img").write_bytes(b"x")
guardian = Guardian()
guardian.add_folder(folder)
wrapper = ["sh", "-c", "trap '' TERM HUP; sleep 1000 & wait; sleep 1000"]
programs = [["sleep", "1000"], wrapper]
groups = [Process(argv, name=argv[0], log_dir=folder, guardian=guardian).pid for argv in programs]
print(json.dumps([guardian.pid, *groups]), flush=True)
signal.pause()
"""


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Popen[str]]:
    """A run of its own with a folder, a program and a wrapper script with a child."""
    argv = [sys.executable, "-c", VICTIM, str(tmp_path / "run")]
    with Popen(argv, stdout=PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def answer(victim: Popen[str]) -> list[int]:
    """Return the process groups that the victim has started, its guardian's first."""
    assert victim.stdout is not None
    groups: list[int] = json.loads(victim.stdout.readline())
    return groups


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda end: end.name
)
def test_everything_goes_when_the_run_dies(victim: Popen[str], tmp_path: Path, end: signal.Signals) -> None:
    """The signal goes to the run's whole group, as from a terminal or a CI runner."""
    groups = answer(victim)
    os.killpg(victim.pid, end)

    wait_until("the groups to end", lambda: not any(map(group_members, groups)), timeout=10)
    assert not (tmp_path / "run").exists()


def test_signals_do_not_end_the_guardian(victim: Popen[str]) -> None:
    """Only the end of its run does."""
    guardian, program, _ = answer(victim)
    status = Path(f"/proc/{guardian}/status")
    deaf = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))

    def is_deaf() -> bool:
        ignored = status.read_text().partition("SigIgn:")[2].split()[0]
        return int(ignored, 16) & deaf == deaf

    wait_until("the guardian to be deaf", is_deaf, timeout=5)

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(guardian, number)
    victim.kill()
    wait_until("the program to end", lambda: not group_members(program), timeout=10)


def test_closing_ends_what_is_left_and_the_guardian(tmp_path: Path) -> None:
    """What was dropped stays; the guardian is reaped."""
    mine, kept = tmp_path / "mine", tmp_path / "kept\nwith a newline"
    logs = tmp_path / "logs"
    for folder in (mine, kept, logs):
        folder.mkdir()
    with Guardian() as guardian:
        guardian.add_folder(mine)
        guardian.add_folder(kept)
        guardian.drop_folder(kept)
        process = Process(["sleep", "1000"], name="sleep", log_dir=logs, guardian=guardian)
    assert process.wait(1) == -signal.SIGKILL
    process.kill()
    assert (mine.exists(), kept.exists()) == (False, True)
    with pytest.raises(ChildProcessError):
        os.waitpid(guardian.pid, os.WNOHANG)


def test_a_folder_that_is_gone_already_harms_nothing(tmp_path: Path) -> None:
    """Neither does a group."""
    done = subprocess.run(["true"], check=True, process_group=0)
    assert done.returncode == 0
    with Guardian() as guardian:
        guardian.add_folder(tmp_path / "never there")
        guardian.add_group((1 << 22) - 1)  # above any process number


def test_no_child_keeps_the_guardians_pipe(tmp_path: Path) -> None:
    """A QEMU that outlived us with the pipe open would keep the guardian asleep."""
    with Guardian() as guardian, Process(["sleep", "9"], name="sleep", log_dir=tmp_path, guardian=guardian) as child:
        pipe = Path(f"/proc/{guardian.pid}/fd/0").readlink()
        held = {link.readlink() for link in Path(f"/proc/{child.pid}/fd").iterdir()}
        assert pipe not in held


def test_a_guardian_that_was_killed_is_reported() -> None:
    """At the next registration, not at the end."""
    with Guardian() as guardian:
        os.kill(guardian.pid, signal.SIGKILL)
        os.waitid(os.P_PID, guardian.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(MachineError, match=r"the guardian .* died with status -9"):
            guardian.add_group(os.getpid())


def test_a_closed_guardian_takes_no_charge() -> None:
    """Dropping from it is fine: everything in its charge has ended."""
    with Guardian() as guardian:
        pass
    guardian.drop_group(1)
    with pytest.raises(MachineError, match="closed already"):
        guardian.add_group(os.getpid())
