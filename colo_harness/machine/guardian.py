"""The guardian: a tiny process that ends what we started and removes our folders when we die, however we die.

It reads NUL-terminated records from a pipe whose only write end is ours: `+g<pgid>`, `-g<pgid>`, `+d<folder>`
and `-d<folder>`. The end of the pipe, which even SIGKILL brings about, makes it SIGKILL every group that is
still registered, and whatever bears the mark of the estate that it guards, wait until all are gone, remove the
folders and exit. It runs without site-packages, so this module may import nothing but the standard library,
`errors` and `mark`.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from colo_harness.errors import MachineError
from colo_harness.machine.mark import bearers, borne, guardians_environment

PATIENCE = 10.0
"""Seconds after SIGKILL that a group may take to vanish."""


def group_members(group: int) -> list[int]:
    """Return the pids of the processes, zombies left out, whose process group is `group`."""
    members = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - half the time that pathlib takes, in a loop that waits
        if not entry.isdecimal():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):  # ended while we looked
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - as above
                state, _parent, pgrp = file.read().rpartition(b") ")[2].split(maxsplit=3)[:3]
            if int(pgrp) == group and state not in b"ZX":
                members.append(int(entry))
    return members


def kill_group(group: int, timeout: float = PATIENCE) -> list[int]:
    """SIGKILL a process group; wait up to `timeout` seconds for the end of all; return who survives.

    Kill first, look later: a look at /proc can miss a process that is born during it, the kernel's signal cannot,
    and a process that has it does not fork any more.
    """
    deadline = time.monotonic() + timeout
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    while (members := group_members(group)) and (left := deadline - time.monotonic()) > 0:
        with suppress(ProcessLookupError):
            await_exit(members[0], left)
    return members


def sweep(folder: Path, timeout: float = PATIENCE) -> list[int]:
    """SIGKILL everything that bears the mark `folder`; wait up to `timeout` seconds; return who survives.

    What is born while we look bears it too, and is found by the next look.
    """
    deadline = time.monotonic() + timeout
    while (found := bearers(folder)) and (left := deadline - time.monotonic()) > 0:
        for pid in found:
            kill_bearer(pid, folder)
        with suppress(ProcessLookupError):
            await_exit(found[0], left)
    return found


def kill_bearer(pid: int, folder: Path) -> None:
    """SIGKILL a process that bears the mark `folder`, and nobody who has inherited its number."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if str(folder) in (borne(pid) or ()):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def await_exit(pid: int, timeout: float) -> bool:
    """Say whether a process, any process, ends within `timeout` seconds. Raises ProcessLookupError."""
    descriptor = os.pidfd_open(pid)
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        return bool(poller.poll(timeout * 1000))
    finally:
        os.close(descriptor)


class Guardian:
    """A context manager; leaving it, or dying, ends all registered groups and removes all registered folders.

    The id of a group must stay taken for as long as it is registered here, or a stranger who inherits the
    number would be killed: drop a group first and reap its leader last, as `Process` does. Between our death
    and the SIGKILL, init may reap leaders for about a millisecond: too short for numbers to come round again.
    With an `estate`, what bears its mark ends too, whether it was registered or not.
    """

    def __init__(self, estate: Path | None = None) -> None:
        root = Path(__file__).resolve().parents[2]
        start = "import sys; sys.path.insert(0, sys.argv[1])"
        start += "; from colo_harness.machine.guardian import watch; watch(0, *sys.argv[2:])"
        self._child = subprocess.Popen(
            [sys.executable, "-S", "-E", "-B", "-c", start, root, *([estate] if estate else [])],
            env=guardians_environment(),
            stdin=subprocess.PIPE,  # close-on-exec in us, so that no child of ours keeps the pipe open
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The guardian's own process."""
        return self._child.pid

    def add_group(self, pgid: int) -> None:
        """Take charge of a process group. Raises MachineError."""
        self._tell(b"+g%d" % pgid)

    def drop_group(self, pgid: int) -> None:
        """Forget a process group; call it before the leader is reaped. Raises MachineError."""
        self._tell(b"-g%d" % pgid)

    def add_folder(self, path: Path) -> None:
        """Take charge of a folder. Raises MachineError."""
        self._tell(b"+d" + os.fsencode(path.absolute()))

    def drop_folder(self, path: Path) -> None:
        """Forget a folder, which then stays. Raises MachineError."""
        self._tell(b"-d" + os.fsencode(path.absolute()))

    def close(self) -> None:
        """End the groups and remove the folders that are still registered, and the guardian itself."""
        if not self._open:
            return
        self._open = False
        self._child.communicate()

    def _tell(self, record: bytes) -> None:
        if not self._open:
            if record.startswith(b"-"):
                return
            raise MachineError("the guardian was closed already", "start processes inside its `with`")
        assert self._child.stdin is not None  # noqa: S101 - stdin=PIPE, for mypy
        try:
            os.write(self._child.stdin.fileno(), record + b"\0")  # below PIPE_BUF: whole or not at all
        except BrokenPipeError:
            status = self._child.poll()
            raise MachineError(
                f"the guardian (pid {self.pid}) died with status {status}",
                "somebody killed it: what this run started may be left over; end it and run again",
            ) from None


def watch(pipe: int, estate: str = "") -> None:
    """Be the guardian: obey the records on `pipe` until its end, then clear up, the `estate` too."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    registered: dict[bytes, None] = {}
    buffered = b""
    while chunk := os.read(pipe, 65536):
        *records, buffered = (buffered + chunk).split(b"\0")
        for record in records:
            if record.startswith(b"+"):
                registered[record[1:]] = None
            else:
                registered.pop(record[1:], None)
    _clear_up(registered, estate)


def _clear_up(registered: Iterable[bytes], estate: str) -> None:
    groups = [int(record[1:]) for record in registered if record.startswith(b"g")]
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    for group in groups:
        if survivors := kill_group(group):
            print(f"guardian: {survivors} outlive SIGKILL", file=sys.stderr)  # noqa: T201 - nobody else is left
    if estate and (survivors := sweep(Path(estate))):
        print(f"guardian: {survivors} outlive SIGKILL", file=sys.stderr)  # noqa: T201 - as above
    for record in registered:
        if record.startswith(b"d"):
            shutil.rmtree(os.fsdecode(record[1:]), ignore_errors=True)
