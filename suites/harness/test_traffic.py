"""The clients against the guest's real services, which run natively in a namespace of their own."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.errors import WaitTimeout
from colo_harness.faults.guest import PORT
from colo_harness.history import Entry, History
from colo_harness.judge.acknowledged import acknowledged_explained, counter_monotonic
from colo_harness.judge.sessions import no_reset, nothing_lost
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import CLIENT, GUEST, PREFIX
from colo_harness.machine.process import Process, run
from colo_harness.traffic.client import Client
from colo_harness.traffic.content import lines
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.session import Session
from colo_harness.wait import wait_until

pytestmark = pytest.mark.harness

SOURCES = Path(__file__).parents[2] / "images/linux/services"
DISK_BYTES = 64 << 20
U32 = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest's services, built for this machine."""
    program = tmp_path_factory.mktemp("services") / "services"
    run(["gcc", "-O1", "-pthread", "-o", program, *sorted(SOURCES.glob("*.c"))], timeout=60)
    return program


@pytest.fixture(scope="module")
def client_side() -> Iterator[Namespace]:
    """Where the clients live."""
    with Namespace("client") as namespace:
        yield namespace


@pytest.fixture(scope="module")
def guest_side(client_side: Namespace) -> Iterator[Namespace]:
    """A namespace at the other end of a cable, which leaves pings to the services as the guest does."""
    with Namespace("guest") as namespace:
        namespace.ip(
            f"link add svc0 type veth peer name svc0 netns {client_side.path}",
            f"address add {GUEST}/{PREFIX} dev svc0",
            "link set svc0 up",
        )
        client_side.ip(f"address add {CLIENT}/{PREFIX} dev svc0", "link set svc0 up")
        with namespace.entered():
            Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")
        yield namespace


@pytest.fixture
def services(binary: Path, guest_side: Namespace, tmp_path: Path) -> Iterator[Process]:
    """The services, ready, side A, with two empty disks."""
    disks = [tmp_path / "disk.raw", tmp_path / "second.raw"]
    for disk in disks:
        disk.touch()
        os.truncate(disk, DISK_BYTES)
    argv: list[str | Path] = [binary, *(word for disk in disks for word in ("--disk", disk)), "--side", "A"]
    with (
        Guardian() as guardian,
        Process(argv, name="services", log_dir=tmp_path, guardian=guardian, namespace=guest_side) as process,
    ):
        wait_until("the services", lambda: "GUEST-READY" in process.out_path.read_text(), timeout=10)
        yield process


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """A history on disk, as a run keeps it."""
    with History(tmp_path / "history.jsonl") as history:
        yield history


@pytest.fixture
def client(client_side: Namespace, services: Process, history: History) -> Iterator[Client]:  # noqa: ARG001 - runs
    """A client of the running services."""
    with Client(client_side, history, seed=7, timeout=5) as client:
        yield client


def outcomes(history: History, session: Session) -> list[tuple[str, str]]:
    """Return (what, type) of how each operation of the session ended."""
    return [
        (entry.what, entry.data["type"])
        for entry in history
        if entry.who == session.name and entry.data["type"] != "invoke"
    ]


def answers(history: History, session: Session, what: str) -> list[Entry]:
    """Return the ends of a session's operations that were answered."""
    return [e for e in history if (e.who, e.what, e.data["type"]) == (session.name, what, "ok")]


def assert_sound(history: History) -> None:
    """The checkers of sessions find nothing amiss."""
    verdicts = [checker(history.entries) for checker in (no_reset, nothing_lost, counter_monotonic)]
    assert [verdict for verdict in verdicts if verdict.valid != "valid"] == []


@given(seed=U32, record=U32, size=st.integers(0, 3000))
def test_lines_are_the_documented_ones(seed: int, record: int, size: int) -> None:
    """The quick way to make a payload gives what its format says."""
    text = "".join(f"{seed:08x} {record:08x} {i:08x} {(i ^ record) & 0xFFFF:04x}\n" for i in range(size // 32 + 1))
    assert lines(seed, record, size) == text.encode()[:size]


def test_every_kind_talks_to_its_service(client: Client, history: History) -> None:
    """Each kind of session exchanges records with its service, all rightly."""
    lossy = [*client.datagrams(), client.control()]
    differing = [client.differ(), client.differ(transport="udp"), client.differ(transport="icmp")]
    sessions = [*client.everything(), *lossy, *differing]
    for session in sessions:
        session.exchange(20)
    client.close()
    for session in sessions:
        ended = outcomes(history, session)
        assert {kind for _, kind in ended} == {"ok"}, session.name
        assert sum(what == session.what for what, _ in ended) >= 20, session.name
    assert_sound(history)


@pytest.mark.parametrize("word", ["POWEROFF", "REBOOT", "PANIC"])
def test_only_a_guest_is_ended_by_a_datagram(client_side: Namespace, client: Client, word: str) -> None:  # noqa: ARG001 - runs
    """Elsewhere it is refused, as what makes no sense is."""
    with client_side.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.connect((GUEST, PORT))
        asker.send(word.encode())
        assert asker.recv(64) == b"ERROR EPERM\n"
        asker.send(word.lower().encode())
        assert asker.recv(64) == b"ERROR EINVAL\n"


def test_each_disk_has_a_log_of_its_own(client: Client, history: History) -> None:
    """What is written to one is not on the other."""
    first, second = client.log(), client.log(disk=1)
    for log in (first, second):
        log.exchange(2)
    second.read_slots([*first.taken, *second.taken])
    read = [entry.data["text"] for entry in answers(history, second, "read")]
    assert read == [None, None, *second.taken.values()]


@pytest.mark.parametrize("transport", ["tcp", "udp", "icmp"])
@pytest.mark.parametrize(("size", "at", "side"), [(600, 0, "A"), (600, 599, "A"), (600, -1, None), (16, 15, "A")])
def test_differing_answers(
    client: Client, history: History, transport: str, size: int, at: int, side: str | None
) -> None:
    """The side's letter is found where it was asked for, the first and the last byte included."""
    with client.differ(transport=transport) as differ:  # type: ignore[arg-type]  # the parameters are its literals
        differ.ask(size, at)
    (answer,) = answers(history, differ, "differ")
    asked = next(e for e in history if e.data["op"] == answer.data["op"])
    assert (asked.data["at"], asked.at < 10, answer.data["side"]) == (at, True, side)
    assert answer.data["sent"] == answer.data["got"]


def test_the_log_reads_back(client: Client, history: History) -> None:
    """Appended texts come back from the disk, marks and empty slots too; blocks have checksums."""
    with client.log() as log, client.log() as other, client.counter() as counter:
        log.exchange(3)
        other.exchange(2)
        log.mark(100)
        log.read_back()
        other.read_back(log)
        log.read(100)
        log.read(101)
        log.block(4096 + 101)
        counter.exchange(2)
        counter.read()
    texts = [entry.data["text"] for entry in answers(history, log, "read")]
    assert texts == [*log.taken.values(), "A" * 64, None]
    assert len({*log.taken, *other.taken}) == 5
    assert answers(history, log, "block")[0].data["crc32"] == "c71c0011"
    assert acknowledged_explained(history.entries).valid == "unknown"  # no loss in it, so nothing to explain
    assert no_reset(history.entries).valid == "valid"


def test_transfers_end_in_order(client: Client, history: History) -> None:
    """Half-closed sessions hear all that is due, then the service's end."""
    echo, upload, whole = client.echo(), client.upload(), client.upload(records=3)
    download = client.download(records=5, pause=0.01)
    half = client.half_closed_download(records=5, pause=0)
    for session in (echo, upload, download, half):
        session.exchange(2)
    whole.exchange(3)
    for finished in (echo, upload, whole, download, half):
        finished.finish()
        assert outcomes(history, finished)[-1] == ("close", "ok"), finished.name
    assert len(answers(history, half, "download")) == len(answers(history, download, "download")) == 5
    assert nothing_lost(history.entries).valid == "valid"


def test_what_lay_in_the_kernel_is_marked(client: Client, history: History) -> None:
    """Records that had arrived before they were waited for are read, marked, and not counted."""
    with client.download(pause=0) as download:
        wait_until("a full buffer", lambda: download.stream.waiting() > 2 * download.size, timeout=5)
        download.exchange(3)
    invoked = [e for e in history if e.what == "download" and e.data["type"] == "invoke"]
    early = [entry for entry in invoked if entry.data.get("early")]
    assert 2 <= len(early) < 64
    assert len(invoked) - len(early) == 3
    assert [entry.data["n"] for entry in invoked] == list(range(len(invoked)))


def test_orders_are_carried_out(client: Client) -> None:
    """A load starts, is replaced and stops."""
    with client.control() as control:
        control.dirty(8, 4)
        control.dirty(4, 8)
        control.calm()


def test_clocks_are_told(client: Client, client_side: Namespace, history: History) -> None:
    """As they are here, and nobody but a guest sets one back."""
    with client.clock() as clock:
        clock.exchange(2)
    with client_side.socket(socket.AF_INET, socket.SOCK_STREAM) as asker:
        asker.settimeout(5)
        asker.connect((GUEST, PORT))
        asker.send(b"BACK\n")
        assert asker.recv(64) == b"ERROR EPERM\n"
    told = [entry.data for entry in history if entry.what == "clock" and entry.data["type"] == "ok"]
    assert len(told) == 2
    assert time.time() - 60 < told[0]["day"] < told[1]["day"] <= time.time()
    assert told[0]["monotonic"] < told[1]["monotonic"] <= time.monotonic()


def crowd_asks(history: History, since: int) -> bool:
    """Tell whether anything is asked within a tenth of a second."""
    with suppress(WaitTimeout):
        history.wait_for("a question", lambda entry: entry.kind == "op", since=since, timeout=0.1)
        return True
    return False


def test_the_services_die_under_a_crowd(client: Client, services: Process, history: History) -> None:
    """Sessions whose server is killed end undecided with the error's name, and new ones are refused."""
    everyone = client.everything()
    with Crowd(everyone) as crowd:
        crowd.wait_acknowledged(5, timeout=10)
        services.signal(signal.SIGKILL)
        services.kill()
        wait_until("all to notice", lambda: all(session.broken for session in everyone), timeout=5)
    late = client.echo()
    client.close()
    assert outcomes(history, late) == [("connect", "fail")]
    errors = {e.data["error"] for e in history if e.kind == "op" and e.data["type"] == "info"}
    assert errors <= {"ConnectionResetError", "BrokenPipeError", "EOFError"}
    assert sum(e.data["type"] == "info" for e in history if e.kind == "op") == 8
    assert no_reset(history.entries).valid == "invalid"


def test_a_crowd_rests(client: Client, history: History) -> None:
    """Nothing is asked while it does, all that was asked has ended, and it goes on afterwards."""
    with Crowd(client.everything(), pause=0) as crowd:
        crowd.wait_acknowledged(3, timeout=10)
        with crowd.resting():
            since = history.cursor()
            told = [entry.data for entry in history if entry.kind == "op"]
            assert {one["op"] for one in told} == {one["op"] for one in told if one["type"] != "invoke"}
            assert not crowd_asks(history, since)
        crowd.wait_acknowledged(3, timeout=10)


def test_a_visit_ends(client: Client) -> None:
    """Whoever came during it has gone; who was there before stays."""
    host = client.echo()
    with client.visit():
        guests = [client.echo(), client.counter()]
    assert [guest.closed for guest in guests] == [True, True]
    host.exchange()
    assert not host.broken


def test_a_crowd_of_64(client: Client, history: History) -> None:
    """64 sessions work at once, none is starved and none loses anything."""
    sessions = [session for _ in range(7) for session in client.everything()]
    sessions += [client.udp_echo() for _ in range(4)] + [client.ping() for _ in range(4)]
    with Crowd(sessions) as crowd:
        crowd.wait_acknowledged(25, timeout=20)
        crowd.wait_acknowledged(25, timeout=20)
    client.close()
    assert len(sessions) == 64
    assert_sound(history)
