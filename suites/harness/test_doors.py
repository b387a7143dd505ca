"""Nothing of ours can be reached from the machine's own network."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from colo_harness.machine.audit import Audit
from colo_harness.machine.doors import open_doors
from colo_harness.machine.estate import Estate
from colo_harness.machine.namespace import Namespace
from suites.harness.innersuite import InnerSuite
from suites.harness.test_audit_plugin import PLUGINS

LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as door:
    print(door.getsockname()[1], flush=True)
    sys.stdin.read()
"""
LISTENING = """
import socket

@claim("FT-1")
def test_first():
    pass

@pytest.fixture
def door():
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door

@claim("FT-1")
def test_listens(door):
    pass
"""


def tcp() -> socket.socket:
    """Listen on IPv4."""
    return socket.create_server(("127.0.0.1", 0))


def tcp6() -> socket.socket:
    """Listen on IPv6."""
    return socket.create_server(("::", 0), family=socket.AF_INET6)


def udp() -> socket.socket:
    """Wait for datagrams."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


def abstract() -> socket.socket:
    """Listen by a name that no folder guards."""
    one = socket.socket(socket.AF_UNIX)
    one.bind(f"\0colo-{os.getpid()}")
    one.listen()
    return one


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tcp, r"tcp 127\.0\.0\.1:\d+"),
        pytest.param(
            tcp6,
            r"tcp6 :::\d+",
            marks=pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="this kernel has no IPv6"),
        ),
        (udp, r"udp 127\.0\.0\.1:\d+"),
        (abstract, r"unix @colo-\d+"),
    ],
)
def test_a_door_of_ours_is_named(kind: Callable[[], socket.socket], told: str) -> None:
    """With its address and who has it open; closed it is none."""
    with kind():
        [door] = open_doors(list)
    assert re.fullmatch(rf"{told} of {os.getpid()}: .*", door)
    assert open_doors(list) == []


def test_a_door_of_a_program_is_named() -> None:
    """Of one that bears the mark; of one that does not, none."""
    listener = [sys.executable, "-c", LISTENER]
    with Estate() as estate, subprocess.Popen(listener, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout
        port = int(program.stdout.readline())
        doors, others = Audit(estate.folder).reachable(), Audit(estate.folder / "another").reachable()
        program.communicate()
    assert [door.partition(":/")[0].startswith(f"tcp 127.0.0.1:{port} of {program.pid}") for door in doors] == [True]
    assert others == []


def test_what_is_elsewhere_is_no_door(tmp_path: Path) -> None:
    """A socket in a namespace, one in a folder, and the near end of a connection."""
    with (
        Namespace("it") as namespace,
        namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as inside,
        closing(socket.socket(socket.AF_UNIX)) as guarded,
    ):
        inside.bind(("127.0.0.1", 0))
        inside.listen()
        guarded.bind(str(tmp_path / "door"))
        guarded.listen()
        assert open_doors(list) == []


def test_a_test_that_listens_fails(pytester: pytest.Pytester) -> None:
    """What its fixtures have open while it runs counts; it is named, and is a fault of the harness."""
    inner = InnerSuite(pytester)
    inner.tests(LISTENING)
    ran = inner.run_apart(*PLUGINS, "suites/failover")
    assert re.search(r"LeftBehind: the test listened outside its namespaces: tcp 127\.0\.0\.1:\d+ of \d+: ", ran.text)
    assert re.search(r"2 passed, 1 error", ran.text), ran.text
    assert ran.claims["FT-1"]["failed_tests"] == ["suites/failover/test_a.py::test_listens"]
