"""The applications and their clients, natively: Debian's redis, and SQLite behind HTTP, without a guest."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from colo_harness.history import History
from colo_harness.judge.connections import same_connection
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import Process
from colo_harness.qemu.applications import PROGRAMS, compile_ledger
from colo_harness.qemu.guest import RECIPES
from colo_harness.qemu.software import INTERPRETER, Software, fetch_software
from colo_harness.settings import Settings
from colo_harness.traffic.bank import ACCOUNTS, OPENING, Teller
from colo_harness.traffic.patron import BankKind, Patron
from colo_harness.traffic.session import Target
from colo_harness.wait import wait_until

pytestmark = pytest.mark.harness

LOCALHOST = "127.0.0.1"
PORTS = {"redis": 6379, "sqlite": 8080}


@pytest.fixture(scope="module")
def software() -> Software:
    """Debian's packages."""
    return fetch_software(Settings())


@pytest.fixture(scope="module")
def ledger(software: Software, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank in SQLite behind HTTP."""
    program = tmp_path_factory.mktemp("ledger") / "ledger"
    compile_ledger(program, software)
    return program


@pytest.fixture
def home() -> Iterator[Namespace]:
    """Where both server and client live."""
    with Namespace("bank") as namespace:
        yield namespace


class Server:
    """A server that can be ended and started again; its data stay."""

    def __init__(self, argv: list[str], port: int, home: Namespace, folder: Path, guardian: Guardian) -> None:
        self._argv, self._folder, self._guardian = argv, folder, guardian
        self.home, self._port = home, port
        self.start()

    def start(self) -> None:
        """Start it, and return once it listens."""
        here, guardian = self._folder, self._guardian
        self._process = Process(self._argv, name="server", log_dir=here, guardian=guardian, namespace=self.home)
        wait_until("the server to listen", self._listens, timeout=20)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def _listens(self) -> bool:
        with self.home.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return probe.connect_ex((LOCALHOST, self._port)) == 0


@pytest.fixture(params=["redis", "sqlite"])
def kind(request: pytest.FixtureRequest) -> BankKind:
    """Which bank it is."""
    return cast("BankKind", request.param)


@pytest.fixture
def server(kind: BankKind, software: Software, ledger: Path, home: Namespace, tmp_path: Path) -> Iterator[Server]:
    """A bank that listens, its data in the test's folder."""
    redis = [*software.argv("redis-server"), str(RECIPES / "applications/redis.conf"), "--dir", str(tmp_path)]
    argv = {"redis": redis, "sqlite": [str(ledger), str(tmp_path / "ledger.db")]}[kind]
    with Guardian() as guardian, ExitStack() as stack:
        server = Server(argv, PORTS[kind], home, tmp_path, guardian)
        stack.callback(server.kill)
        yield server


@pytest.fixture
def history() -> History:
    """What happens."""
    return History()


@pytest.fixture
def enter(kind: BankKind, server: Server, history: History) -> Iterator[Callable[[], Teller]]:
    """Opens a session with the bank."""
    target = Target(server.home, history, LOCALHOST, timeout=10, seed=1)
    with Patron(target, None) as patron:  # type: ignore[arg-type]  # nobody logs in
        yield partial(patron.bank, kind)


def _answers(history: History, what: str) -> list[dict[str, object]]:
    return [e.data for e in history if e.kind == "op" and e.what == what and e.data["type"] == "ok"]


def test_what_a_bank_acknowledged_outlives_it(enter: Callable[[], Teller], server: Server, history: History) -> None:
    """Commits are numbered from 1 on, and are there when the server was killed and began anew."""
    enter().exchange(3)
    server.kill()
    server.start()
    enter().audit()
    assert [data["number"] for data in _answers(history, "transfer")] == [1, 2, 3]
    (books,) = _answers(history, "audit")
    assert books["commits"] == [f"{entry.who}.{n}" for n in range(3) for entry in [next(iter(history))]]


def test_no_client_hides_that_its_connection_was_lost(
    enter: Callable[[], Teller], server: Server, history: History
) -> None:
    """Where a library connects anew by itself, its answers are not of the session's connection."""
    teller = enter()
    teller.exchange(2)
    history.record("fault", "nemesis", "kill", type="inject", fault=0, allows=[])
    server.kill()
    server.start()
    teller.exchange(1)
    assert teller.broken or same_connection(history.entries).valid == "invalid"


def test_money_is_neither_made_nor_lost(enter: Callable[[], Teller], history: History) -> None:
    """Two tellers of one bank see the same accounts."""
    one, other = enter(), enter()
    one.exchange(5)
    other.exchange(5)
    one.audit()
    (books,) = _answers(history, "audit")
    assert isinstance(books["balances"], list)
    assert sum(books["balances"]) == ACCOUNTS * OPENING


def test_a_guest_gets_all_that_its_programs_are_linked_with(software: Software) -> None:
    """Each program, the loader that it names, and the C library."""
    files = software.files(PROGRAMS)
    assert {*(f"bin/{name}" for name in PROGRAMS), INTERPRETER, "usr/lib/x86_64-linux-gnu/libc.so.6"} <= files.keys()
    assert all(content.startswith(b"\x7fELF") for content in files.values())
