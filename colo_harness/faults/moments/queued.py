"""With frames of the primary in colo-compare's queues, to which the secondary's guest has said nothing yet."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.judge.sessions import CaughtInFlight
from colo_harness.machine.process import run
from colo_harness.qemu.argv import LOOP_PORT
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import exchange
from colo_harness.traffic.datagram import UdpEcho
from colo_harness.traffic.session import Session
from colo_harness.traffic.tcp import Echo
from colo_harness.wait import wait_until

FRAME = 60
"""Bytes of the shortest frame: any that the guest sends has more."""
LONG = 1400
"""Bytes of an answer that is one segment, and longer than all acknowledgements that the guest still owes."""
FIN_WAIT = (4, 5)
"""States of a connection whose client has said FIN and heard none (linux/tcp.h, TCP_INFO's first byte)."""


@dataclass(frozen=True)
class Queued:
    """Answers of the primary wait in colo-compare."""

    proof = CaughtInFlight(("echo",))

    def __str__(self) -> str:
        return "frames-queued"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Keep from the secondary what clients say, and let two of them ask: they are answered, and asked again.

        Neither waits for a disk: what the primary acknowledges meanwhile is lost with it (docs/findings/0006-*.md).
        """
        sessions = [client.counter(), client.echo(size=LONG)]
        exchange(sessions, 1)
        with _unheard(pair) as grown, ThreadPoolExecutor(1) as thread:
            asked = thread.submit(exchange, sessions, 1)
            _await(asked, "colo-compare to read the primary's answers", lambda: grown() > LONG)
            yield
            asked.result()
        exchange(sessions, 1)


@dataclass(frozen=True)
class DatagramsQueued:
    """Datagrams of the primary wait in colo-compare."""

    proof = CaughtInFlight(("udp", "counter-add"))

    def __str__(self) -> str:
        return "datagrams-queued"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Keep from the secondary what clients say, and let two of them ask: they are answered, and asked again."""
        sessions = [client.counter(transport="udp"), client.udp_echo()]
        exchange(sessions, 1)
        with _unheard(pair) as grown, ThreadPoolExecutor(1) as thread:
            asked = thread.submit(exchange, sessions, 1)
            _await(asked, "colo-compare to read the primary's answers", lambda: grown() > UdpEcho.size + FRAME)
            yield
            asked.result()
        exchange(sessions, 1)


@dataclass(frozen=True)
class AtSyn:
    """The primary's answer to a SYN waits in colo-compare: the client has none."""

    proof = CaughtInFlight(("connect",))

    def __str__(self) -> str:
        return "at-syn"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Keep from the secondary that a client connects; it is connected in the end, and answered."""
        with _unheard(pair) as grown, ThreadPoolExecutor(1) as thread:
            opened = thread.submit(client.echo)
            _await(opened, "colo-compare to read the primary's SYN-ACK", lambda: grown() > FRAME)
            yield
            opened.result().exchange(1)


@dataclass(frozen=True)
class AtFin:
    """The primary's answer to a FIN waits in colo-compare."""

    proof = CaughtInFlight(("echo",))

    def __str__(self) -> str:
        return "at-fin"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:
        """Keep from the secondary that a client ends its direction; the session comes to its end."""
        session = client.echo()
        session.exchange(1)
        with _unheard(pair) as grown, ThreadPoolExecutor(1) as thread:
            ended = thread.submit(session.finish, LONG)
            _await(ended, "colo-compare to read the primary's FIN", lambda: grown() > LONG and _said_fin(session))
            yield
            ended.result()


@contextmanager
def asked_alone(pair: ColoPair, session: Session) -> Iterator[None]:
    """Keep from the secondary what clients say, and let this session ask: it is answered in the end, or broken."""
    with _unheard(pair) as grown, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(session.exchange)
        _await(asked, "colo-compare to read the primary's answer", lambda: grown() > FRAME)
        yield
        asked.result()


FRAMES_QUEUED, DATAGRAMS_QUEUED, AT_SYN, AT_FIN = Queued(), DatagramsQueued(), AtSyn(), AtFin()


@contextmanager
def _unheard(pair: ColoPair) -> Iterator[Callable[[], int]]:
    """Let the secondary's guest hear no client from here on; what is mirrored to it waits in the stream's socket.

    Yields what tells how many bytes colo-compare has read of the primary since then.
    """
    secondary = pair.host(Role.SECONDARY)
    pair.vm(Role.SECONDARY).execute("object-del", {"id": "f1"})  # switched off, that of QEMU 7.2 goes on
    pair.graphs[secondary] = pair.graphs[secondary].without("f1")
    before, host = _compared(pair), pair.host(Role.PRIMARY)
    yield lambda: _compared(pair) - before if pair.host(Role.PRIMARY) == host else 0


def _compared(pair: ColoPair) -> int:
    """Return how many bytes colo-compare has read from the primary's filters so far."""
    namespace = pair.network.host(pair.host(Role.PRIMARY))
    stream = run(["ss", "-Htin", f"dport = :{LOOP_PORT}"], namespace=namespace, timeout=DEADLINE_S)
    received = re.search(r"bytes_received:(\d+)", stream)
    return int(received[1]) - int(stream.split()[1]) if received else 0


def _await(asked: Future[Any], what: str, queued: Callable[[], bool]) -> None:
    """Return once the answer is queued; or was given, which a sound colo-compare does not do. Raises WaitTimeout."""
    wait_until(what, lambda: asked.done() or queued(), timeout=DEADLINE_S)


def _said_fin(session: Echo) -> bool:
    info = session.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] in FIN_WAIT
