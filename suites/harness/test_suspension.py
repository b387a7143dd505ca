"""Threads of another process stand still and go on, and it dies as ever."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process
from colo_harness.machine.suspension import suspended
from colo_harness.machine.threads import LEADER, named
from colo_harness.wait import wait_until

COUNTING = """
import pathlib, sys, threading, time
def count(name):
    pathlib.Path("/proc/self/task", str(threading.get_native_id()), "comm").write_text(name)
    for n in range(10**6):
        pathlib.Path(sys.argv[1], name).write_text(str(n))
        time.sleep(0.001)
threading.Thread(target=count, args=("late",)).start()
count("early")
"""

TRACING = """
import sys
from colo_harness.machine.suspension import suspended
with suspended(int(sys.argv[1])):
    print(flush=True)
    input()
"""


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Process]:
    """Give a process of two threads that count on, each in a file of its name."""
    argv = [sys.executable, "-c", COUNTING, str(tmp_path)]
    with Guardian() as guardian, Process(argv, name="counting", log_dir=tmp_path, guardian=guardian) as process:
        _await_more(tmp_path / "late")
        _await_more(tmp_path / "early")
        yield process


def test_one_thread_stands_still_and_the_other_goes_on(counting: Process, tmp_path: Path) -> None:
    """Of a suspended thread nothing is seen while the other one goes on; afterwards it goes on too."""
    with suspended(*named(counting, "late")):
        before = (tmp_path / "late").read_text(encoding="utf-8")
        _await_more(tmp_path / "early")
        assert (tmp_path / "late").read_text(encoding="utf-8") == before
    _await_more(tmp_path / "late")


@pytest.mark.parametrize("thread", ["late", LEADER])
def test_a_process_with_a_suspended_thread_can_be_killed(counting: Process, thread: str) -> None:
    """A process that is killed while a thread of it is suspended is gone once the block is left."""
    with suspended(*named(counting, thread)):
        counting.signal(9)
    wait_until("the process to be gone", lambda: not counting.alive, timeout=5)


def test_a_thread_goes_on_when_its_tracer_dies(counting: Process, tmp_path: Path) -> None:
    """A thread that somebody suspended who was killed goes on."""
    thread = named(counting, "late")[0]
    tracer = (
        f"from colo_harness.machine.suspension import suspended\nwith suspended({thread}):\n print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", tracer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(MachineError, match="cannot be suspended"), suspended(thread):
            pytest.fail("two tracers of one thread")
        other.kill()
    _await_more(tmp_path / "late")


def test_no_thread_is_an_error() -> None:
    """Nothing to suspend is said, not taken for suspended."""
    with pytest.raises(MachineError, match="no thread"), suspended():
        pytest.fail("nothing was suspended")


def _await_more(file: Path) -> None:
    def read() -> str:
        return file.read_text(encoding="utf-8") if file.exists() else ""

    before = read()
    wait_until(f"{file.name} to count on", lambda: read() not in {"", before}, timeout=10)
