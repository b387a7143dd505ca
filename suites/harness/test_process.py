"""Processes: whole groups are signalled, watched and ended, and none is left behind."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process, run
from colo_harness.wait import wait_until

WRAPPER = ["sh", "-c", "sleep 1000 & echo out; echo err >&2; wait"]
ORPHANING = ["sh", "-c", "sleep 1000 & exit 3"]

Start = Callable[[list[str]], Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program under a guardian of its own."""
    with Guardian() as guardian:
        yield lambda argv: Process(argv, name="it", log_dir=tmp_path, guardian=guardian)


def children(parent: int) -> list[str]:
    """Return the states of `parent`'s children."""
    stats = [path.read_text().rpartition(") ")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
    return [state for state, ppid, *_ in stats if int(ppid) == parent]


def states(process: Process) -> set[str]:
    """Return the states of all processes of the group."""
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] for pid in process.group()}


def wait_for_child(process: Process) -> None:
    """Wait until the wrapper has a child."""
    wait_until("a child of the wrapper", lambda: len(process.group()) == 2, timeout=5)


def test_the_group_of_a_wrapper_is_stopped_continued_and_killed_whole(start: Start) -> None:
    """`--qemu` may be a script with QEMU as its child: a fault must hit both."""
    with start(WRAPPER) as process:
        wait_for_child(process)
        process.signal(signal.SIGSTOP)
        wait_until("all to stop", lambda: states(process) == {"T"}, timeout=5)
        assert process.alive
        process.signal(signal.SIGCONT)
        wait_until("all to go on", lambda: states(process) == {"S"}, timeout=5)
        process.kill()
        assert process.group() == []
        assert process.poll() == -signal.SIGKILL


def test_a_stopped_group_can_be_killed(start: Start) -> None:
    """A frozen QEMU is fenced without being woken."""
    with start(WRAPPER) as process:
        process.signal(signal.SIGSTOP)
        process.kill()
        assert process.group() == []


def test_children_that_outlive_their_leader_can_be_signalled_and_killed(start: Start) -> None:
    """The group's id stays ours, whoever of it ends first; the status is the leader's."""
    with start(ORPHANING) as process:
        assert process.wait(5) == 3
        assert len(process.group()) == 1
        process.signal(signal.SIGSTOP)
        process.kill()
        assert process.group() == []
        assert process.poll() == 3


def test_stdout_and_stderr_are_kept_apart(start: Start) -> None:
    """Each has its file and its reader."""
    with start(WRAPPER) as process:
        wait_until("the output", lambda: (process.stdout(), process.stderr()) == ("out\n", "err\n"), timeout=5)


def test_ending_is_seen_once_and_for_all(start: Start) -> None:
    """What has ended takes no signal, and ending it again is fine."""
    with start(["true"]) as process:
        assert process.wait(5) == 0
        assert not process.alive
        with pytest.raises(ProcessLookupError, match="ended with status 0"):
            process.signal(signal.SIGTERM)
        process.kill()
        process.kill()
    assert process.where_it_hangs() == "no process of it is left"


def test_terminate_lets_a_program_end_in_its_own_way(start: Start) -> None:
    """SIGTERM, not SIGKILL; the status is the program's."""
    with start(["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"]) as process:
        wait_until("the trap", lambda: process.stdout() == "ready\n", timeout=5)
        assert process.terminate(5) == 7


def test_waiting_in_vain_says_where_each_thread_hangs(start: Start) -> None:
    """The error names the kernel function that each process of the group sits in."""
    with start(WRAPPER) as process:
        wait_for_child(process)
        with pytest.raises(WaitTimeout, match=r"(?s)sh: state S, wchan \w+.*sleep: state S, wchan \w*nanosleep"):
            process.wait(0.1)


def test_many_processes_leave_no_zombie_and_no_descriptor(start: Start) -> None:
    """Also when they are killed in the midst of forking."""
    start(WRAPPER).kill()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for argv in [WRAPPER, ORPHANING, ["true"]] * 5:
        start(argv).kill()
    assert "Z" not in children(os.getpid())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_one_thread_may_watch_while_another_kills(start: Start) -> None:
    """The watcher sees the status, not an error about a child that is gone."""
    for _ in range(20):
        with start(["sleep", "1000"]) as process:
            seen: list[int] = []
            watcher = threading.Thread(target=lambda seen=seen, process=process: seen.append(process.wait(10)))
            watcher.start()
            process.kill()
            watcher.join()
            assert seen == [-signal.SIGKILL]


def test_a_program_that_is_missing_is_the_machines_fault(start: Start) -> None:
    """Not QEMU's: `MachineError`, with the command."""
    with pytest.raises(MachineError, match="`/nonesuch -x` cannot be started: No such file or directory"):
        start(["/nonesuch", "-x"])


def test_run_returns_stdout_and_feeds_stdin() -> None:
    """Without stderr."""
    assert run(["sh", "-c", "cat; echo lost >&2"], timeout=5, input="kept") == "kept"


def test_a_failed_run_shows_command_output_and_remedy() -> None:
    """Unless failing is an answer too (`check=False`)."""
    with pytest.raises(MachineError, match=r"(?s)`sh -c 'echo why; exit 4'` failed: .*status 4\nwhy\n  try that"):
        run(["sh", "-c", "echo why; exit 4"], timeout=5, remedy="try that")
    assert run(["sh", "-c", "echo why; exit 4"], timeout=5, check=False) == "why\n"


def test_a_run_that_takes_too_long_is_killed_with_its_children() -> None:
    """What it said before is shown; nothing of it is left."""
    before = children(os.getpid())
    with pytest.raises(MachineError, match=r"(?s)took longer than 0.2 s\nso far"):
        run(["sh", "-c", "printf 'so far'; sleep 1000 & wait"], timeout=0.2)
    assert children(os.getpid()) == before
