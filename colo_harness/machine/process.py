"""A process of ours: it leads a group, writes its output into files and leaves nothing behind."""

import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from shlex import join
from subprocess import DEVNULL, PIPE
from typing import IO, TYPE_CHECKING

from colo_harness.errors import NO_SPACE, MachineError, OutOfReach, WaitTimeout
from colo_harness.machine.guardian import PATIENCE, Guardian, await_exit, group_members, kill_group
from colo_harness.machine.interrupt import whole
from colo_harness.machine.program import Program

if TYPE_CHECKING:
    from colo_harness.machine.namespace import Namespace


class Process(Program):
    """A program in a session and process group of its own, inside `namespace`; its group id is `pid`.

    stdout goes to `log_dir/<name>.out`, stderr to `log_dir/<name>.err`. Each process must be ended with `kill`,
    or by leaving the context, also when it has ended by itself: until then its leader stays unreaped, so that the
    group's id cannot pass to a stranger. Any thread may use it. Raises MachineError where it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        name: str,
        log_dir: Path,
        guardian: Guardian,
        namespace: "Namespace | None" = None,
        pass_fds: Sequence[int] = (),
        stdin: int | IO[bytes] = DEVNULL,
    ) -> None:
        super().__init__(argv, name=name, log_dir=log_dir)
        self._guardian = guardian
        self._status: int | None = None
        self._reaping = threading.RLock()
        with ExitStack() as stack:
            out = stack.enter_context(self.out_path.open("wb"))
            err = stack.enter_context(self.err_path.open("wb"))
            stack.enter_context(whole())
            stack.enter_context(namespace.entered() if namespace else nullcontext())
            self._child = _spawn(self.argv, stdin=stdin, stdout=out, stderr=err, pass_fds=pass_fds)
            guardian.add_group(self.pid)

    @property
    def pid(self) -> int:
        """The leader's process id, which is the group's id too."""
        return self._child.pid

    def group(self) -> list[int]:
        """Return the pids of the group's living processes: the leader's and its children's."""
        with self._reaping:
            return group_members(self.pid) if self._child.returncode is None else []

    def states(self) -> list[str]:
        """Return the state, a letter of proc(5), of each of the group's living processes."""
        return [_state(pid) for pid in self.group()]

    def poll(self) -> int | None:
        """Return the leader's exit status, -N for signal N, or None while it lives."""
        with self._reaping:
            if self._status is None:
                # WNOWAIT leaves the zombie, and with it the number, in place
                ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None:
                    return None
                self._status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            return self._status

    def signal(self, number: int) -> None:
        """Send a signal to every process of the group. Raises ProcessLookupError when all of it has ended."""
        with self._reaping:
            if self.poll() is not None and not self.group():
                raise ProcessLookupError(f"{self.name} (pid {self.pid}) ended with status {self._status}")
            os.killpg(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Return the leader's exit status within `timeout` seconds. Raises WaitTimeout."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # reaped by another thread meanwhile
                await_exit(self.pid, timeout)
        if (status := self.poll()) is None:
            threads = self.where_it_hangs()
            raise WaitTimeout(f"waited {timeout:g} s for {self.name} to end; last seen:\n{threads}")
        return status

    def kill(self) -> None:
        """SIGKILL the whole group, also what outlived its leader, and reap; fine when all is dead already.

        Raises MachineError when a process outlives SIGKILL.
        """
        with self._reaping:
            if self._child.returncode is not None:
                return
            survivors = kill_group(self.pid)
            if not survivors and not await_exit(self.pid, PATIENCE):  # a thread may outlive the main thread
                survivors = [self.pid]
            if survivors:
                raise MachineError(
                    f"{survivors} of {self.name} outlive SIGKILL:\n{self.where_it_hangs()}",
                    "the kernel holds them, often for a disk or a file system that hangs: see dmesg",
                )
            self.poll()
            try:
                self._guardian.drop_group(self.pid)
            finally:
                self._child.wait()

    def where_it_hangs(self) -> str:
        """Return a line for each thread of the group: pid/tid, comm, state, kernel function, system call."""
        lines = []
        for pid in self.group():
            with suppress(FileNotFoundError, ProcessLookupError):
                lines += [_thread(task) for task in sorted(Path(f"/proc/{pid}/task").iterdir())]
        return "\n".join(lines) or f"no process of {self.name} is left"


def here(program: Program) -> Process:
    """Return a program that runs on this machine. Raises OutOfReach for one that does not."""
    if not isinstance(program, Process):
        raise OutOfReach(f"{program.name} runs on another machine, where nobody looks into its threads and memory")
    return program


def _state(pid: int) -> str:
    """Return the process state letter of /proc/PID/stat, which follows the command in parentheses."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def _thread(task: Path) -> str:
    """Describe /proc/PID/task/TID; a field is empty where the kernel hides it or the thread has ended."""
    field = {"comm": "", "stat": "", "wchan": "", "syscall": ""}
    for name in field:
        with suppress(OSError):
            field[name] = (task / name).read_text(encoding="utf-8", errors="replace").strip()
    state = field["stat"].rpartition(") ")[2][:1]
    where = f"{task.parent.parent.name}/{task.name} {field['comm']}"
    return f"{where}: state {state}, wchan {field['wchan']}, syscall {field['syscall']}"


def run(
    argv: Sequence[str | Path],
    *,
    namespace: "Namespace | None" = None,
    timeout: float,
    input: str | None = None,  # noqa: A002 - subprocess.run's own word
    check: bool = True,
    remedy: str = "",
) -> str:
    """Run a short host command inside `namespace` and return its stdout.

    Raises MachineError, with all output and `remedy`, when it cannot start, when it takes longer than
    `timeout` seconds, which kills its whole group, or, with `check`, when its status is not 0.
    """
    command = [str(argument) for argument in argv]
    child = None
    try:
        with whole(), namespace.entered() if namespace else nullcontext():
            child = _spawn(command, stdin=DEVNULL if input is None else PIPE, stdout=PIPE, stderr=PIPE, remedy=remedy)
        out, err = child.communicate(None if input is None else input.encode(), timeout=timeout)
    except BaseException as interruption:
        if child is None:
            raise
        kill_group(child.pid)
        out, err = child.communicate()
        if not isinstance(interruption, subprocess.TimeoutExpired):
            raise
        what = f"took longer than {timeout:g} s"
    else:
        what = f"ended with status {child.returncode}" if check and child.returncode else ""
    if what:
        output = (err + out).decode(errors="replace").strip()
        remedy = "make room on that disk" if NO_SPACE in output else remedy or "run it by hand to see all that it says"
        raise MachineError(f"`{join(command)}` failed: it {what}\n{output}", remedy)
    return out.decode(errors="replace")


def _spawn(
    argv: list[str],
    *,
    stdin: int | IO[bytes],
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    pass_fds: Sequence[int] = (),
    remedy: str = "",
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own and the calling thread's namespaces. Raises MachineError."""
    try:
        return subprocess.Popen(
            argv, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=pass_fds, start_new_session=True
        )
    except OSError as refusal:
        raise MachineError(
            f"`{join(argv)}` cannot be started: {refusal.strerror}",
            remedy or f"is {argv[0]} there and executable? `colo setup` installs missing host tools",
        ) from refusal
