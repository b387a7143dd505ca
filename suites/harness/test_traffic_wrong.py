"""What the clients write down when the other end lies, dies or stays silent."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from colo_harness.errors import GuestFailure, ProductFailure, UsageError, WaitTimeout
from colo_harness.history import Entry, History
from colo_harness.judge.operations import ledger
from colo_harness.judge.replay import step, unexplained
from colo_harness.judge.sessions import no_reset, nothing_lost
from colo_harness.machine.namespace import Namespace
from colo_harness.traffic.client import Client
from colo_harness.traffic.content import lines
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.datagram import internet_checksum
from colo_harness.traffic.session import Session
from suites.harness.liars import (
    GUEST,
    Serve,
    always,
    answering,
    changed,
    dropped,
    echo_records,
    end,
    repeated,
    reset,
    served,
    set_reset,
    stay_silent,
)

pytestmark = pytest.mark.harness


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """Where both ends live."""
    with Namespace("liars") as namespace:
        yield namespace


@pytest.fixture
def history() -> Iterator[History]:
    """A history in memory."""
    with History() as history:
        yield history


@pytest.fixture
def client(namespace: Namespace, history: History) -> Iterator[Client]:
    """A client that soon loses patience."""
    with Client(namespace, history, seed=1, address=GUEST, timeout=0.3, datagram_timeout=0.1) as client:
        yield client


def ends(history: History, session: Session) -> list[tuple[str, str, dict[str, object]]]:
    """Return (what, type, data) of how each operation of the session ended, without the connection's start."""
    return [
        (entry.what, entry.data["type"], entry.data)
        for entry in history
        if entry.who == session.name and entry.data["type"] != "invoke" and entry.what != "connect"
    ]


@pytest.mark.parametrize(
    ("twist", "outcome", "key", "text"),
    [
        (changed, "fail", "wrong", "byte 100"),
        (repeated, "fail", "wrong", "it begins as record 3"),
        (dropped, "info", "error", "TimeoutError"),
    ],
)
def test_an_echo_that_is_not_the_same(
    namespace: Namespace,
    history: History,
    client: Client,
    twist: Callable[[int, bytes], bytes],
    outcome: str,
    key: str,
    text: str,
) -> None:
    """A changed, repeated or lost record ends the session where it was noticed, and a checker objects."""
    with served(namespace, 7, lambda connection: echo_records(connection, twist)), client.echo() as echo:
        echo.exchange(10)
    *good, (what, kind, data) = ends(history, echo)
    assert all(kind == "ok" for _, kind, _ in good)
    assert len(good) in (3, 4)
    assert (what, kind) == ("echo", outcome)
    assert text in str(data[key])
    assert "invalid" in {nothing_lost(history.entries).valid, no_reset(history.entries).valid}


def test_a_download_that_skips_a_record(namespace: Namespace, history: History, client: Client) -> None:
    """A record that is missing from a stream shows as the next one in its place."""

    def skip(connection: socket.socket) -> None:
        seed = int(connection.recv(100).split()[1])
        connection.sendall(b"".join(lines(seed, n, 1024) for n in (0, 1, 3)))

    with served(namespace, 9001, skip), client.download() as download:
        download.exchange(5)
    *good, (_, kind, data) = ends(history, download)
    assert [kind for _, kind, _ in good] == ["ok", "ok"]
    assert kind == "fail"
    assert "begins as record 3" in str(data["wrong"])
    assert nothing_lost(history.entries).valid == "invalid"


@pytest.mark.parametrize(
    ("serve", "error"),
    [(reset, "ConnectionResetError"), (end, "EOFError"), (stay_silent, "TimeoutError")],
)
def test_a_session_that_dies(namespace: Namespace, history: History, client: Client, serve: Serve, error: str) -> None:
    """A dead connection leaves the operation undecided; what is asked later is recorded as broken, once."""
    with served(namespace, 7, serve), client.echo() as echo:
        echo.exchange(2)
        echo.exchange()
        echo.exchange()
    assert [(kind, data["error"]) for _, kind, data in ends(history, echo)] == [("info", error), ("info", "broken")]
    assert no_reset(history.entries).valid == "invalid"


def test_an_idle_session_that_was_reset(namespace: Namespace, history: History, client: Client) -> None:
    """A session that dies between two records is noticed at its end at the latest."""
    gone = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(connection.recv(512, socket.MSG_WAITALL))
        set_reset(connection)
        connection.close()
        gone.set()

    with served(namespace, 7, serve), client.echo() as echo:
        echo.exchange()
        assert gone.wait(5)
    (_, first, _), (what, last, data) = ends(history, echo)
    assert (first, what, last) == ("ok", "close", "info")
    assert (data["error"], data["errno"]) == ("ConnectionResetError", "ECONNRESET")


def test_bytes_that_nobody_asked_for(namespace: Namespace, history: History, client: Client) -> None:
    """A record that is repeated after the last answer is noticed when the session closes."""
    sent = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(2 * connection.recv(512, socket.MSG_WAITALL))
        sent.set()
        connection.recv(1)

    with served(namespace, 7, serve), client.echo() as echo:
        echo.exchange()
        assert sent.wait(5)
    what, kind, data = ends(history, echo)[-1]
    assert (what, kind) == ("close", "fail")
    assert "nobody asked for" in str(data["wrong"])


def test_a_refused_connection(history: History, client: Client) -> None:
    """A connection that is refused surely did not happen; nothing is raised."""
    with client.echo() as echo:
        echo.exchange()
        assert echo.broken
    connect = next(entry for entry in history if entry.what == "connect" and entry.data["type"] != "invoke")
    assert (connect.data["type"], connect.data["error"]) == ("fail", "ConnectionRefusedError")
    assert [data["error"] for _, _, data in ends(history, echo)] == ["broken"]


@pytest.mark.parametrize(
    ("port", "kind", "answer"),
    [
        (80, "http", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        (80, "http", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrubbish"),
        (9002, "upload", b"BAD 0\n"),
        (9003, "counter", b"once upon a time\n"),
        (9004, "differ", b"x" * 512),
        (9005, "log", b"OK 17\n"),
        (9006, "dialled", b"FAILED ECONNREFUSED\n"),
        (9007, "control", b"\xff\xfe\n"),
        (9007, "clock", b"noon\n"),
    ],
)
def test_a_wrong_answer_of_each_service(
    namespace: Namespace, history: History, client: Client, port: int, kind: str, answer: bytes
) -> None:
    """Each service's nonsense is a failed operation, which ends the session, and none is raised."""
    with served(namespace, port, always(answer)):
        session: Session = getattr(client, kind)()
        session.exchange()
        session.close()
    assert session.broken
    assert ends(history, session)[0][1] == "fail"


def test_a_refused_order_is_raised(namespace: Namespace, client: Client) -> None:
    """A load that does not start would make its test empty: that is raised."""
    with served(namespace, 9007, always(b"ERROR\n")), pytest.raises(GuestFailure, match="DIRTY 8 2"):
        client.control().dirty(8, 2)


def test_a_disk_error_is_no_end(namespace: Namespace, history: History, client: Client) -> None:
    """A guest whose disk fails says so: the append may have happened, the read has not, the session goes on."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(b"ERROR EIO\n")

    with served(namespace, 9005, serve), client.log() as log:
        log.exchange()
        log.read_back()
    assert [(what, kind) for what, kind, _ in ends(history, log)] == [
        ("append", "info"),
        ("read", "fail"),
        ("close", "ok"),
    ]


def test_datagrams_may_be_lost_and_late(namespace: Namespace, history: History, client: Client) -> None:
    """A lost datagram costs its own record; an answer that comes late is not taken for the next one's."""
    kept: list[bytes] = []

    def answer(request: bytes) -> list[bytes]:
        kept.append(request)
        return [] if len(kept) == 2 else kept[-2:]

    with answering(namespace, 7, answer), client.udp_echo() as udp:
        udp.exchange(4)
    assert [kind for _, kind, _ in ends(history, udp)] == ["ok", "info", "ok", "ok"]
    assert ends(history, udp)[1][2]["error"] == "TimeoutError"
    assert nothing_lost(history.entries).valid == "valid"


def test_datagrams_may_not_be_invented(namespace: Namespace, history: History, client: Client) -> None:
    """An answer that fits no request is wrong."""
    with answering(namespace, 7, lambda request: [request[::-1]]), client.udp_echo() as udp:
        udp.exchange(4)
    assert [kind for _, kind, _ in ends(history, udp)] == ["fail"]
    assert nothing_lost(history.entries).valid == "invalid"


def test_an_unreachable_datagram_service(history: History, client: Client) -> None:
    """A port that nobody serves is written down, and each record is tried anew."""
    with client.udp_echo() as udp:
        udp.exchange(2)
    assert [(kind, data["errno"]) for _, kind, data in ends(history, udp)] == [("info", "ECONNREFUSED")] * 2


def test_a_lost_differing_datagram(namespace: Namespace, history: History, client: Client) -> None:
    """After a lost answer the next question comes from another port, where no late answer can reach it."""
    peers: list[bytes] = []

    def answer(request: bytes) -> list[bytes]:
        peers.append(request)
        return [] if len(peers) == 1 else [b"B" + lines(0xD1FF, 0, 64)[1:]]

    with answering(namespace, 9004, answer), client.differ(transport="udp", timeout=0.1) as differ:
        differ.ask(64, 0)
        differ.ask(64, 0)
    lost, found = ends(history, differ)
    assert (lost[1], found[1], found[2]["side"]) == ("info", "ok", "B")
    assert found[2]["sent"] == found[2]["got"]


def test_a_lost_count(namespace: Namespace, history: History, client: Client) -> None:
    """It may have been made: the next answer says so, and no late one is taken for it."""
    asked: list[bytes] = []

    def answer(request: bytes) -> list[bytes]:
        asked.append(request)
        n, state = len(asked), 0
        for at, one in enumerate(asked):
            state = step(state, int(one.split()[-1]), at + 1)
        return [] if n == 2 else [f"{n} {state}\n".encode()]

    with answering(namespace, 9003, answer), client.counter(transport="udp") as counter:
        counter.exchange(3)
    assert [kind for _, kind, _ in ends(history, counter)] == ["ok", "info", "ok"]
    assert list(unexplained(counter.key, ledger(history.entries).ops)) == []


def test_pings_are_told_apart(history: History, client: Client) -> None:
    """The kernel's own replies reach the session that asked, and no other's."""
    with client.ping() as one, client.ping() as other:
        one.exchange(3)
        other.exchange(3)
    assert [kind for _, kind, _ in ends(history, one) + ends(history, other)] == ["ok"] * 6
    assert internet_checksum(b"\x08\x00\xf7\xff\x00\x00") == 0


def test_a_blocked_crowd_stops(namespace: Namespace, history: History) -> None:
    """A crowd whose sessions hang ends soon after it was asked to, and says which answers it did not wait for."""
    with (
        served(namespace, 7, stay_silent),
        Client(namespace, history, seed=1, address=GUEST, timeout=30) as client,
        Crowd([client.echo()], grace=0.1) as crowd,
    ):
        with pytest.raises(WaitTimeout, match="echo-0 0"):
            crowd.wait_acknowledged(1, timeout=0.1)
        began = time.monotonic()
        crowd.stop()
        assert time.monotonic() - began < 2
    stopped = [entry for entry in history if entry.data.get("error") == "stopped"]
    assert len(stopped) == 1


def test_a_broken_crowd_is_not_waited_for(history: History, client: Client) -> None:
    """Waiting for answers ends with the reason as soon as a session cannot give them any more."""
    with Crowd([client.echo("lone")]) as crowd, pytest.raises(ProductFailure, match="lone"):
        crowd.wait_acknowledged(1, timeout=20)
    assert history.now() < 10


def test_misuse_is_told(client: Client) -> None:
    """A closed session and a crowd of namesakes are the test's mistakes, and raised as such."""
    echo = client.echo("same")
    with pytest.raises(UsageError, match="different names"):
        Crowd([echo, client.echo("same")])
    echo.close()
    with pytest.raises(UsageError, match="closed"):
        echo.exchange()


def test_every_operation_ends_once(namespace: Namespace, history: History, client: Client) -> None:
    """Whatever happens, each invoked operation has exactly one end."""
    with served(namespace, 7, lambda connection: echo_records(connection, changed)):
        for session in (client.echo(), client.http(), client.udp_echo()):
            session.exchange(5)
        client.close()
    invoked = [entry for entry in history if entry.data["type"] == "invoke"]
    ended: list[Entry] = [entry for entry in history if entry.data["type"] != "invoke"]
    assert sorted(entry.data["op"] for entry in invoked) == sorted(entry.data["op"] for entry in ended)
