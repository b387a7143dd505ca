"""A client of the guest: it opens sessions of every kind and closes them all at its end."""

import itertools
import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, Self, TypeVar

from colo_harness.history import History
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import GUEST
from colo_harness.traffic.clock import Clock
from colo_harness.traffic.content import derived
from colo_harness.traffic.counter import Counter, TcpCounter, UdpCounter
from colo_harness.traffic.datagram import Burst, Ping, UdpEcho
from colo_harness.traffic.differ import Differ, IcmpDiffer, TcpDiffer, UdpDiffer
from colo_harness.traffic.disk import DiskLog, SecondDiskLog
from colo_harness.traffic.session import Session, Target
from colo_harness.traffic.tcp import Control, Dialled, Echo, Http
from colo_harness.traffic.transfer import Download, HalfClosedDownload, Upload

AnySession = TypeVar("AnySession", bound=Session)

_KEYS = 1024


class Client:
    """Opens sessions from `namespace` to the guest at `address` and records what they do in `history`.

    `timeout` is the seconds that one answer may take (Settings.timeouts.answer), `datagram_timeout` those
    after which a datagram of UdpEcho and Ping counts as lost. A session's default name is "<kind>-<n>", with
    n from 0 for each kind.
    """

    def __init__(
        self,
        namespace: Namespace,
        history: History,
        *,
        seed: int,
        timeout: float,
        datagram_timeout: float = 2.0,
        address: str = GUEST,
    ) -> None:
        self._target = Target(namespace, history, address, timeout, seed)
        self._datagram_timeout = min(timeout, datagram_timeout)
        self._sessions: list[Session] = []
        self._opened: Tally[str] = Tally()
        self._naming = threading.Lock()
        self._slots = itertools.count()
        self._keys = itertools.count()
        self._identifiers = itertools.count(derived(seed, "identifiers"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sessions."""
        for session in self._sessions:
            session.close()

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Close in the end all sessions that are opened inside the block."""
        before = len(self._sessions)
        try:
            yield
        finally:
            for session in self._sessions[before:]:
                session.close()

    def everything(self) -> list[Session]:
        """Open, side by side, one session of each TCP kind whose answers are the same on both sides."""
        return self._open_all(*self._incoming(), self.dialled)

    def incoming(self) -> list[Session]:
        """Open one session of each kind of `everything` whose connection the client opens."""
        return self._open_all(*self._incoming())

    def asked(self) -> list[Session]:
        """Open those of `incoming` in which the guest says nothing unasked: no answer is on its way behind another."""
        return self._open_all(*self._asked())

    def datagrams(self) -> list[Session]:
        """Open one session of each kind over UDP and ICMP whose answers are the same on both sides."""
        return [self.udp_echo(), self.counter(transport="udp"), self.ping()]

    def mixed(self, count: int) -> list[Session]:
        """Open `count` sessions: echo, HTTP, counter, echo over UDP and ping in turn."""
        kinds: list[Callable[[], Session]] = [self.echo, self.http, self.counter, self.udp_echo, self.ping]
        return self._open_all(*itertools.islice(itertools.cycle(kinds), count))

    def _incoming(self) -> list[Callable[[], Session]]:
        return [self.download, self.half_closed_download, *self._asked()]

    def _asked(self) -> list[Callable[[], Session]]:
        return [self.echo, self.upload, self.http, self.counter, self.log]

    def _open_all(self, *openers: Callable[[], Session]) -> list[Session]:
        with ThreadPoolExecutor(len(openers), thread_name_prefix="open") as threads:
            return [run.result() for run in [threads.submit(opener) for opener in openers]]

    def read_back(self) -> None:
        """Ask, over new sessions, for everything that this client's logs and counters were told to keep.

        Where all of those broke, nobody is asked: each question would wait as long again for a dead guest.
        """
        logs = [session for session in self._sessions if isinstance(session, DiskLog)]
        counters = [session for session in self._sessions if isinstance(session, Counter)]
        if all(session.broken for session in (*logs, *counters)):
            return
        with ThreadPoolExecutor(2, thread_name_prefix="read-back") as threads:
            for run in (threads.submit(self._read_logs, logs), threads.submit(self._read_counters, counters)):
                run.result()

    def _read_logs(self, logs: Sequence[DiskLog]) -> None:
        for disk in sorted({log.disk for log in logs}):
            with self.log(disk=disk) as reader:
                reader.read_back(*(log for log in logs if log.disk == disk))

    def _read_counters(self, counters: Sequence[Counter]) -> None:
        for counter in counters:
            with self.counter(key=counter.key, transport=counter.over) as reader:
                reader.read()

    def echo(self, name: str | None = None, *, size: int = Echo.size) -> Echo:
        """Open an echo session, whose records have `size` bytes."""
        session = self._keep(Echo(self._target, self._name(Echo.kind, name)))
        session.size = size
        return session

    def dialled(self, name: str | None = None, *, eager: bool = False) -> Dialled:
        """Let the guest open a connection to here; echo over it.

        An eager session is open once the connection is; others wait until the guest has said so, too.
        """
        return self._keep(Dialled(self._target, self._name(Dialled.kind, name), eager=eager))

    def http(self, name: str | None = None) -> Http:
        """Open a kept-alive HTTP connection."""
        return self._keep(Http(self._target, self._name(Http.kind, name)))

    def counter(
        self, name: str | None = None, *, key: int | None = None, transport: Literal["tcp", "udp"] = "tcp"
    ) -> Counter:
        """Open a session with a counter (0 to 1023), by default one that this client has not handed out."""
        key, name = next(self._keys) % _KEYS if key is None else key, self._name(Counter.kind, name)
        if transport == "tcp":
            return self._keep(TcpCounter(self._target, name, key=key))
        return self._keep(UdpCounter(self._target, name, key=key, timeout=self._datagram_timeout))

    def log(self, name: str | None = None, *, disk: int = 0) -> DiskLog:
        """Open a session with the log on a disk; all logs of this client, of either disk, share one row of slots."""
        kind = SecondDiskLog if disk else DiskLog
        return self._keep(kind(self._target, self._name(kind.kind, name), slots=self._slots))

    def download(
        self,
        name: str | None = None,
        *,
        records: int = 1_000_000,
        size: int = 1024,
        pause: float = 0.01,
    ) -> Download:
        """Ask for a stream of `records` of `size` bytes, `pause` seconds apart."""
        name = self._name(Download.kind, name)
        return self._keep(Download(self._target, name, records=records, size=size, pause=pause))

    def half_closed_download(
        self,
        name: str | None = None,
        *,
        records: int = 1_000_000,
        size: int = 1024,
        pause: float = 0.01,
    ) -> HalfClosedDownload:
        """Ask for a stream as `download` does, and end this side's direction at once."""
        name = self._name(HalfClosedDownload.kind, name)
        return self._keep(HalfClosedDownload(self._target, name, records=records, size=size, pause=pause))

    def upload(self, name: str | None = None, *, records: int = 1_000_000, size: int = 1024) -> Upload:
        """Announce `records` of `size` bytes; each `exchange` sends one, by default in a single segment."""
        return self._keep(Upload(self._target, self._name(Upload.kind, name), records=records, size=size))

    def differ(
        self,
        name: str | None = None,
        *,
        transport: Literal["tcp", "udp", "icmp"] = "tcp",
        timeout: float | None = None,
    ) -> Differ:
        """Open a session whose answers differ between the sides; `timeout` (seconds) is for UDP and ICMP."""
        name = self._name(Differ.kind, name)
        wait = self._target.timeout if timeout is None else timeout
        match transport:
            case "tcp":
                return self._keep(TcpDiffer(self._target, name))
            case "udp":
                return self._keep(UdpDiffer(self._target, name, timeout=wait))
            case "icmp":
                identifier = next(self._identifiers)
                return self._keep(IcmpDiffer(self._target, name, timeout=wait, identifier=identifier))

    def udp_echo(self, name: str | None = None) -> UdpEcho:
        """Open an echo session over UDP."""
        return self._keep(UdpEcho(self._target, self._name(UdpEcho.kind, name), timeout=self._datagram_timeout))

    def burst(self, name: str | None = None) -> Burst:
        """Open a session that asks many datagrams in a row; its answers may take as long as any."""
        return self._keep(Burst(self._target, self._name(Burst.kind, name), timeout=self._target.timeout))

    def ping(self, name: str | None = None) -> Ping:
        """Open an ICMP echo session."""
        name = self._name(Ping.kind, name)
        wait, identifier = self._datagram_timeout, next(self._identifiers)
        return self._keep(Ping(self._target, name, timeout=wait, identifier=identifier))

    def clock(self, name: str | None = None) -> Clock:
        """Open a session that reads the guest's clocks; each answer differs between the sides."""
        return self._keep(Clock(self._target, self._name(Clock.kind, name)))

    def control(self, name: str | None = None) -> Control:
        """Open a session that gives the guest orders."""
        return self._keep(Control(self._target, self._name(Control.kind, name)))

    def _name(self, kind: str, name: str | None) -> str:
        if name is not None:
            return name
        with self._naming:
            number = self._opened[kind]
            self._opened[kind] += 1
        return f"{kind}-{number}"

    def _keep(self, session: AnySession) -> AnySession:
        self._sessions.append(session)
        return session
