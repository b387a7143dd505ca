"""The bench: a bare QEMU, ports on its chardevs, and COLO's objects between them."""

import re
import selectors
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from colo_harness.errors import CommandError, MonitorLost, WaitTimeout
from colo_harness.history import History
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.proxy.port import Meddler, Port, honest
from colo_harness.proxy.sabotage import SOUND, Sabotage
from colo_harness.proxy.wire import Wire
from colo_harness.qemu.bare import BareQemu
from colo_harness.qemu.loop import Loop
from colo_harness.settings import Timeouts

NAME = "bench"
"""Of its QEMU, in histories."""
GLANCE = 0.2
"""Seconds without anything new after which a look is taken whether QEMU lives: its end is not to be read everywhere."""


class Lacking(Exception):
    """This QEMU has no such object or property; the text names it."""


@dataclass(frozen=True)
class Benchroom:
    """What all benches of a run share: the QEMU under test and its surroundings."""

    qemu: Sequence[str]
    loop: Loop
    guardian: Guardian
    timeouts: Timeouts


class Bench:
    """A bare QEMU in `folder`, for frames that go in and come out by ports; leaving the context ends it.

    Raises LaunchFailure.
    """

    def __init__(
        self,
        room: Benchroom,
        folder: Path,
        history: History,
        sabotage: Sabotage = SOUND,
        *,
        options: Sequence[str] = (),
        namespace: Namespace | None = None,
    ) -> None:
        self.room = room
        self.folder = folder
        self.history = history
        self.timeouts = room.timeouts
        self.sabotage = sabotage
        self.ports: list[Port] = []
        self._stalled: set[Port] = set()
        self._closing = ExitStack()
        self._stderr_seen = 0
        self._death_seen = False
        self.qemu = self._closing.enter_context(
            BareQemu(
                room.qemu,
                folder,
                name=NAME,
                loop=room.loop,
                guardian=room.guardian,
                timeouts=room.timeouts,
                history=history,
                options=options,
                namespace=namespace,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def port(self, name: str, *, letter: str, inward: Wire, outward: Wire) -> Port:
        """Make a socket chardev and return our end of it, not connected yet."""
        path = self.folder / f"{name}.sock"
        address = {"type": "unix", "data": {"path": str(path)}}
        backend = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
        self.qemu.execute("chardev-add", {"id": name, "backend": backend})
        meddler = self.meddler(name)
        port = Port(name, path, self.history, letter=letter, inward=inward, outward=outward, meddler=meddler)
        self.adopt(port)
        return port

    def meddler(self, name: str) -> Meddler:
        """Return the man in the middle at the port of this name."""
        return self.sabotage.meddlers.get(name, lambda: honest)()

    def adopt(self, port: Port) -> None:
        """Let a port send and receive with all others, and close it in the end."""
        self._closing.callback(port.close)
        self.ports.append(port)

    def connect(self, *ports: Port) -> None:
        """Connect ports; returns once QEMU has accepted. Raises WaitTimeout, MonitorLost."""
        for port in ports:
            port.connect()
            self.history.record("phase", NAME, "connected", port=port.name)
        self._await(ports, connected=True)

    def disconnect(self, *ports: Port) -> None:
        """Close our ends; returns once QEMU has noticed. Raises WaitTimeout, MonitorLost."""
        for port in ports:
            port.hang_up()
            self.history.record("phase", NAME, "disconnected", port=port.name)
        self._await(ports, connected=False)

    def _await(self, ports: Sequence[Port], *, connected: bool) -> None:
        deadline = time.monotonic() + self.timeouts.command
        waiting = {port.name for port in ports}
        while waiting:
            known = {each["label"]: each["filename"] for each in self.qemu.execute("query-chardev")}
            waiting = {name for name in waiting if known[name].startswith("disconnected") is connected}
            if waiting and time.monotonic() > deadline:
                fault = "accepts no connection" if connected else "does not notice that its peer is gone"
                raise WaitTimeout(f"{', '.join(sorted(waiting))}: QEMU {fault}\n{self.qemu.why_lost()}")

    def reconnect(self, port: Port) -> None:
        """Break the connection of a port and make another. Raises WaitTimeout, MonitorLost."""
        self.pump(lambda: not port.busy, self.timeouts.command)
        port.hang_up()
        self.history.record("phase", NAME, "reconnected", port=port.name)
        self.connect(port)

    def make(self, kind: str, name: str, properties: Mapping[str, Any]) -> None:
        """Add an object, as the sabotage would have it. Raises Lacking, CommandError, MonitorLost."""
        wanted = {**properties, **self.sabotage.properties.get(kind, {})}
        try:
            self.qemu.execute("object-add", {"qom-type": kind, "id": name, **wanted})
        except CommandError as refused:
            if self.lacks(kind, wanted):
                raise Lacking(self.lacks(kind, wanted)) from refused
            raise
        self.history.record("phase", NAME, "made", object=name, kind=kind, properties=wanted)

    def try_to_make(self, kind: str, name: str, properties: Mapping[str, Any]) -> None:
        """Record with which words QEMU refuses an object; with none where it makes it. Raises Lacking, MonitorLost."""
        refusal = None
        try:
            self.make(kind, name, properties)
        except CommandError as refused:
            refusal = refused.description
        moment = ", ".join(f"{key}={value}" for key, value in properties.items())
        self.history.record("observe", NAME, "object-add", moment=moment, value=refusal)

    def remove(self, name: str) -> None:
        """Delete an object. Raises CommandError, MonitorLost."""
        self.qemu.execute("object-del", {"id": name})
        self.history.record("phase", NAME, "removed", object=name)

    def switch(self, name: str, *, on: bool) -> None:
        """Set a filter's status. Raises CommandError, MonitorLost."""
        status = "on" if on else "off"
        self.qemu.execute("qom-set", {"path": f"/objects/{name}", "property": "status", "value": status})
        self.history.record("phase", NAME, f"switched {status}", object=name)

    def allow(self, *symptoms: str) -> None:
        """Declare symptoms that the test brings about."""
        self.history.record("fault", NAME, "allow", type="allow", allows=list(symptoms))

    def lacks(self, kind: str, properties: Mapping[str, Any]) -> str:
        """Name what this QEMU does not have of an object kind and its properties; empty if it has all."""
        if kind not in {each["name"] for each in self.qemu.execute("qom-list-types", {"implements": "object"})}:
            return kind
        known = {each["name"] for each in self.qemu.execute("qom-list-properties", {"typename": kind})}
        return ", ".join(f"{kind}.{name}" for name in properties if name not in known)

    def tell(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        """Run a QMP command, unless the sabotage leaves it out. Raises CommandError, MonitorLost."""
        if command not in self.sabotage.untold:
            self.qemu.execute(command, arguments)

    @contextmanager
    def stalled(self, port: Port) -> Iterator[None]:
        """Do not read from a port inside the block."""
        self.stall(port)
        try:
            yield
        finally:
            self.unstall(port)

    def stall(self, port: Port) -> None:
        """Read from a port no more."""
        self._stalled.add(port)
        self.history.record("phase", NAME, "stalled", port=port.name)

    def unstall(self, port: Port) -> None:
        """Read from a port again."""
        self._stalled.discard(port)
        self.history.record("phase", NAME, "read again", port=port.name)

    def pump(self, done: Callable[[], bool], timeout: float) -> bool:
        """Send what waits and take in what comes, until `done` and nothing is left to read; tell whether it was.

        The end of QEMU ends it too.
        """
        deadline = time.monotonic() + timeout
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or not (self._pump_once(min(left, GLANCE)) or self.qemu.process.alive):
                return done()
        while self._pump_once(0):
            continue
        return True

    def _pump_once(self, timeout: float) -> bool:
        """Wait for a port that can be read or written, and do so; tell whether anything moved."""
        with selectors.DefaultSelector() as selector:
            for each in self.ports:
                wanted = selectors.EVENT_WRITE if each.busy else 0
                wanted |= selectors.EVENT_READ if each not in self._stalled and not each.ended else 0
                if wanted:
                    selector.register(each, wanted, each)
            ready = selector.select(timeout) if selector.get_map() else []
        for key, events in ready:
            port: Port = key.data
            if events & selectors.EVENT_WRITE:
                port.send()
            if events & selectors.EVENT_READ:
                port.receive()
        return bool(ready)

    def ask_monitor(self, moment: str, *, timeout: float) -> None:
        """Record under `moment` whether the monitor answers within `timeout` seconds."""
        try:
            self.qemu.execute("query-version", timeout=timeout)
        except MonitorLost as silence:
            self.history.record("observe", NAME, "monitor", moment=moment, value="silent", why=silence.brief)
        else:
            self.history.record("observe", NAME, "monitor", moment=moment, value="answers")

    def weigh(self, moment: str) -> None:
        """Record under `moment` the anonymous resident memory of QEMU, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"^RssAnon:\s*(\d+)", status, re.MULTILINE)
        value = int(found[1]) if found else None
        self.history.record("observe", NAME, "memory-kib", moment=moment, value=value)

    @property
    def pid(self) -> int:
        """QEMU's own process, which a wrapper script may have started: the largest of its group."""

        def pages(pid: int) -> int:
            return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])

        return max(self.qemu.process.group(), key=pages)

    def collect(self) -> None:
        """Record what QEMU wrote to stderr and, once, how it ended."""
        text = self.qemu.process.stderr()
        for line in text[self._stderr_seen :].splitlines():
            self.history.record("stderr", NAME, line)
        self._stderr_seen = len(text)
        status = self.qemu.process.poll()
        if status is not None and not self._death_seen:
            self._death_seen = True
            self.history.record("observe", NAME, "exit-status", value=status)
