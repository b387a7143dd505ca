"""Namespaces: a thread visits, a child inherits, nothing on the machine remembers."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import run
from colo_harness.wait import wait_until

MINE = Path("/proc/thread-self/ns/net")
UNPRIVILEGED = """
import os
from colo_harness.errors import MachineError
from colo_harness.machine.namespace import Namespace

os.setgroups([])
os.setuid(65534)
try:
    Namespace("x")
except MachineError as refusal:
    print(refusal)
"""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """An empty namespace."""
    with Namespace("it") as namespace:
        yield namespace


def test_only_the_thread_that_entered_is_inside(namespace: Namespace) -> None:
    """Others, which may be serving monitors, stay where they are."""
    outside = MINE.stat().st_ino
    with ThreadPoolExecutor(1) as other:
        other.submit(MINE.stat).result()
        with namespace.entered():
            assert MINE.stat().st_ino == namespace.inode != outside
            assert other.submit(MINE.stat).result().st_ino == outside
        assert MINE.stat().st_ino == outside


def test_the_way_out_is_found_after_an_error(namespace: Namespace) -> None:
    """And from a namespace within a namespace."""
    outside = MINE.stat().st_ino
    with pytest.raises(KeyError), namespace.entered(), Namespace("inner") as inner, inner.entered():
        raise KeyError
    assert MINE.stat().st_ino == outside


@pytest.mark.parametrize("close_fds", [True, False], ids=["fork", "spawn"])
def test_a_child_is_born_inside(namespace: Namespace, *, close_fds: bool) -> None:
    """On both of subprocess's ways to start one."""
    with namespace.entered():
        child = subprocess.run(
            ["/bin/readlink", "/proc/self/ns/net"], capture_output=True, check=True, close_fds=close_fds
        )
    assert child.stdout.decode() == f"net:[{namespace.inode}]\n"


def test_other_processes_can_open_its_path(namespace: Namespace) -> None:
    """This is how `ip` moves a link into it."""
    assert run(["stat", "-L", "-c", "%i", namespace.path], timeout=5) == f"{namespace.inode}\n"


def test_a_socket_stays_inside(namespace: Namespace) -> None:
    """Loopback is up there, and is not the machine's."""
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as inside:
            inside.connect(server.getsockname())
        with socket.socket() as outside:
            assert outside.connect_ex(server.getsockname()) == errno.ECONNREFUSED


def test_ipv6_is_off_for_each_link(namespace: Namespace) -> None:
    """A link that comes later sends no router solicitation either."""
    namespace.ip("link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
    assert "inet6" not in namespace.ip("address show")
    assert sorted(namespace.interfaces().values()) == ["lo", "v0", "v1"]


def test_frames_pass_a_link_when_both_ends_are_up(namespace: Namespace) -> None:
    """And the kernel has noticed; a link that is down, or whose peer is, says no."""
    namespace.ip("link add v0 type veth peer name v1", "link set v0 up")
    assert namespace.passes("lo")
    assert not namespace.passes("lo", "v0")
    assert not namespace.passes("v1")
    namespace.ip("link set v1 up")
    wait_until("the link", lambda: namespace.passes("v0", "v1"), timeout=5)


def test_a_bad_batch_shows_the_line_and_the_reason(namespace: Namespace) -> None:
    """Together with the whole batch."""
    with pytest.raises(MachineError, match=r"(?s)<namespace it>.*Cannot find device.*:2\n.*\nlink set nonesuch up\n"):
        namespace.ip("link set lo up", "link set nonesuch up")


def test_closing_is_final(namespace: Namespace) -> None:
    """The number of its descriptor may be someone else's by then."""
    namespace.close()
    namespace.close()
    with pytest.raises(MachineError, match="cannot enter"), namespace.entered():
        pass


def test_without_the_right_the_remedy_is_said() -> None:
    """The machine is at fault, not QEMU."""
    assert os.geteuid() == 0
    said = run([sys.executable, "-c", UNPRIVILEGED], timeout=20)
    assert said.startswith("no right to make network namespaces: Operation not permitted\n  run as root")
