"""One QEMU process with its monitors, console and trace."""

import re
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from colo_harness.errors import CommandError, MonitorLost
from colo_harness.history import Entry, History
from colo_harness.machine import core
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.mapping import mappings
from colo_harness.machine.process import Process, here
from colo_harness.machine.scheduling import favour
from colo_harness.machine.site import Site
from colo_harness.machine.suspension import suspended
from colo_harness.machine.threads import LEADER, named
from colo_harness.qemu import sandbox
from colo_harness.qemu.argv import SECOND, Files
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.monitor import Monitor
from colo_harness.qemu.stream import Fifo, Lines, dial
from colo_harness.qemu.trace import Trace
from colo_harness.settings import Timeouts

Thread = Literal["main", "colo", "cpu"]
THREADS: Mapping[Thread, str] = {
    "main": LEADER,
    "colo": r"mig/src/main|mig/dst/colo|.*migration|COLO.*",
    "cpu": r"CPU \d+/.*",
}
"""Their names: COLO's is the one in which a side waits for its peer (migration/migration.c, migration/colo.c)."""
_UCRED = struct.Struct("iII")
PEER_CHARDEVS = [name + end for end in ("", SECOND) for name in ("mirror0", "compare1", "red0", "red1")]
STAMPED = re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<text>.*)")


@dataclass(frozen=True)
class Surroundings:
    """What every VM of a run shares."""

    loop: Loop
    guardian: Guardian
    timeouts: Timeouts
    cores: Path | None = None
    """Where core files of QEMUs that hang are kept, where any are wanted."""


class VM:
    """A running QEMU of host `name`; its argv is `argv`, its files are `files`."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        files: Files,
        *,
        site: Site,
        history: History,
        around: Surroundings,
    ) -> None:
        self.name = name
        self.files = files
        self._site = site
        self._history = history
        self._around = around
        self._closing = ExitStack()
        self._stderr_seen = 0
        self._death_seen = False
        self._patience = around.timeouts.command
        self._interrupt: Callable[[str, dict[str, Any]], None] | None = None
        log = files.console_log.open("w", encoding="utf-8", buffering=1)
        self._console_log = self._closing.enter_context(log)
        trace = Fifo(files.trace)
        self._keep(Lines(trace, around.loop, self._on_trace))
        site.pour(files.trace)
        if (clock := site.clock).uncertain:
            history.record("observe", name, "clock", ahead=clock.ahead, uncertain=clock.uncertain)
        history.record("phase", name, "exec")
        self.process = site.start(argv, name=name, log_dir=files.folder, guardian=around.guardian)
        self._closing.callback(self.process.kill)
        (files.folder / "argv.txt").write_text(self.process.command + "\n", encoding="utf-8")
        try:
            self.monitor = self._connect(files.monitor, name)
            self.rescue = self._connect(files.rescue, None)
            self._console = dial(files.console, timeout=around.timeouts.launch, reached=site.reaches)
            self._keep(Lines(self._console, around.loop, self._on_console))
            if isinstance(self.process, Process):
                sandbox.demand(self.process)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        return self.process.alive

    @property
    def pid(self) -> int:
        """QEMU's own process, which a wrapper script may have started: the one that listens on the console."""
        here(self.process)
        credentials = self._console.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(credentials)[0])

    def execute(self, command: str, arguments: dict[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """Run a QMP command on the first monitor. Raises CommandError, MonitorLost."""
        answer = self.monitor.execute(command, arguments, timeout=timeout or self._patience)
        if self._interrupt and not command.startswith("query-"):
            self._interrupt(command, arguments or {})
        return answer

    @contextmanager
    def interrupted(self, act: Callable[[str, dict[str, Any]], None]) -> Iterator[None]:
        """Do `act` after each command of the first monitor inside the block that is no question, before the next."""
        self._interrupt = act
        try:
            yield
        finally:
            self._interrupt = None

    def attempt(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        """Run a command that QEMU may refuse, and record what it said. Raises MonitorLost."""
        try:
            value, what = self.execute(command, arguments), "obeyed"
        except CommandError as refused:
            value, what = refused.description, "refused"
        self._history.record("observe", self.name, what, command=command, value=value)

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Give commands inside the block `seconds` in place of the usual deadline."""
        usual, self._patience = self._patience, seconds
        try:
            yield
        finally:
            self._patience = usual

    def observe(self, question: str, moment: str) -> Any:
        """Ask `question` (a query command) and record the answer under `moment`."""
        value = self.execute(question)
        self._history.record("observe", self.name, question, moment=moment, value=value)
        return value

    def observe_dumped(self, size: int, moment: str = "") -> None:
        """Record, as `moment`, how many of the mappings of `size` bytes, guest memory say, a core file would have.

        One that the kernel joined with a smaller neighbour counts; so TCG's buffer, which is far longer, does not.
        """
        kept = [one.dumped for one in mappings(self.pid) if size <= one.size < 2 * size]
        counted = {"dumped": sum(kept), "left_out": len(kept) - sum(kept)}
        self._history.record("observe", self.name, "mappings", moment=moment, **counted)

    def yank(self, *instances: Mapping[str, str]) -> None:
        """Cut streams to the peer, all if none is named, out-of-band on the second monitor; never our own ones."""
        timeout = self._patience
        known = self.rescue.execute("query-yank", timeout=timeout, oob=True)
        peers = [one for one in known if one["type"] != "chardev" or one["id"] in PEER_CHARDEVS]
        streams = [dict(one) for one in instances or peers]
        self.rescue.execute("yank", {"instances": streams}, timeout=timeout, oob=True)

    def send_console(self, text: bytes) -> None:
        """Type on the guest's serial port."""
        self._console.sendall(text)

    def kill(self) -> None:
        """Lose this QEMU at once, as a power cut does."""
        self.process.kill()

    def freeze(self) -> None:
        """Stop every thread: QEMU answers nothing and keeps its sockets open."""
        self.process.signal(signal.SIGSTOP)

    def favour(self, ahead: Thread, then: Thread) -> None:
        """Let the one thread run before the other whenever both could. Raises MachineError."""
        favour(here(self.process), THREADS[ahead], THREADS[then])

    @contextmanager
    def suspended(self, thread: Thread) -> Iterator[None]:
        """Let QEMU's thread, or all its virtual processors, stand still inside the block. Raises MachineError."""
        with suspended(*self.threads(thread)):
            yield

    def threads(self, thread: Thread) -> list[int]:
        """Return the ids of QEMU's threads of this kind, none once they have ended."""
        return named(here(self.process), THREADS[thread])

    def collect(self) -> None:
        """Record what QEMU wrote to stderr since the last call and, once, how it ended."""
        text = self.process.stderr()
        whole = text.rfind("\n") + 1 if self.alive else len(text)
        for line in text[self._stderr_seen : whole].splitlines():
            stamped = STAMPED.fullmatch(line)
            at = self._when(_seconds(stamped["stamp"])) if stamped else None
            self._history.record("stderr", self.name, stamped["text"] if stamped else line, at=at)
        self._stderr_seen = max(whole, self._stderr_seen)
        status = self.process.poll()
        if status is not None and not self._death_seen:
            self._death_seen = True
            self._history.record("observe", self.name, "exit-status", value=status)

    def await_event(self, event: str, *, since: int, timeout: float) -> Entry:
        """Return this QEMU's first `event` behind cursor `since`. Raises WaitTimeout, MonitorLost."""

        def matches(entry: Entry) -> bool:
            return entry.kind == "event" and entry.who == self.name and entry.what == event

        if not self.alive:
            raise MonitorLost(f"waiting for {event}: {self.name} is dead\n{self.why_lost()}")
        return self._history.wait_for(f"{event} of {self.name}", matches, since=since, timeout=timeout)

    def await_trace(self, event: str, message: str, *, since: int, timeout: float) -> Entry:
        """Return this QEMU's first trace of this message behind cursor `since`. Raises WaitTimeout."""

        def matches(entry: Entry) -> bool:
            traced = entry.kind == "trace" and entry.who == self.name and entry.what == event
            return traced and entry.data["message"] == message

        return self._history.wait_for(f"{event} {message} of {self.name}", matches, since=since, timeout=timeout)

    def why_lost(self) -> str:
        """Describe the process for an error: argv, status, stderr, and what its threads do."""
        status = self.process.poll()
        state = self.process.where_it_hangs() if status is None else f"exit status {status}{sandbox.blame(status)}\n"
        return f"argv: {self.process.command}\n{state}\n{self.process.stderr()}".rstrip()

    def _post_mortem(self) -> str:
        """Describe the process as `why_lost` does, and keep a core file of one that hangs, if any are wanted."""
        told = self.why_lost()
        if self._around.cores is None or not isinstance(self.process, Process) or not self.alive:
            return told
        name = f"{self.files.folder.parent.name}-{self.name}-{self.process.pid}.core"
        return f"{told}\n{core.keep(self.process, self._around.cores / name)}"

    def close(self) -> None:
        """Kill the process and let go of everything; may be called again."""
        self.process.kill()
        self._closing.close()

    def _connect(self, path: Path, host: str | None) -> Monitor:
        monitor = Monitor(
            path,
            self._around.loop,
            self._history,
            host=host,
            transcript=path.with_suffix(".qmp.jsonl"),
            why_lost=self._post_mortem,
            ahead=self._site.clock.ahead,
        )
        self._closing.callback(monitor.close)
        monitor.connect(timeout=self._around.timeouts.launch, alive=lambda: self.alive, reached=self._site.reaches)
        return monitor

    def _keep(self, lines: Lines) -> None:
        self._closing.callback(lines.close)

    def _on_trace(self, line: str) -> None:
        if traced := Trace.of(line):
            message = f"{self._when(traced.born):.3f}" if traced.born else traced.message
            self._history.record("trace", self.name, traced.event, at=self._when(traced.at), message=message)

    def _when(self, stamp: float) -> float:
        """Convert a CLOCK_REALTIME stamp of the site to the history's clock."""
        return self._history.when(stamp - self._site.clock.ahead)

    def _on_console(self, line: str) -> None:
        self._console_log.write(line + "\n")
        self._history.record("console", self.name, line)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
