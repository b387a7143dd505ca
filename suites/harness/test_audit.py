"""The audit: whatever a test leaves is told at that test, once, and by what finds it."""

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from colo_harness.machine import mark
from colo_harness.machine.audit import Audit, Thing
from colo_harness.machine.estate import Estate
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.probe import IFF_NO_PI, IFF_TAP, TUNSETIFF
from colo_harness.machine.process import run
from colo_harness.wait import wait_until

MOMENT = 0.05
"""Seconds in which what is left goes or not, where it will not."""
LIMIT = 10.0
DAEMON = ["sh", "-c", "setsid sh -c 'sleep 600 &' &"]
"""It has left its session, and its parent has ended."""

BINDER = "import signal, socket, sys; bound = socket.socket(socket.AF_UNIX); bound.bind(sys.argv[1]); signal.pause()"


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """An estate within that of the run; what is left in it is removed."""
    with Estate() as estate:
        yield estate


@pytest.fixture
def audit(estate: Estate) -> Audit:
    """The estate's audit."""
    return Audit(estate.folder)


def left(audit: Audit, before: frozenset[Thing]) -> list[str]:
    """Return what is there now besides `before`, and does not go."""
    return audit.left(before, MOMENT)


@contextmanager
def running(argv: list[str], **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program; whatever the audit makes of it, it ends."""
    with subprocess.Popen(argv, start_new_session=True, **options) as started:
        try:
            yield started
        finally:
            started.kill()


def pids(audit: Audit) -> list[int]:
    """Return the processes that the audit takes for ours, but the guardian."""
    found = [int(thing.name) for thing in audit.present() if thing.kind == "process"]
    return [pid for pid in found if "guardian" not in mark.command(pid)]


def test_a_sound_test_leaves_nothing(audit: Audit) -> None:
    """What was there before, and what has gone, is not told."""
    subprocess.run(["true"], check=True)
    before = audit.present()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE), Namespace("mine"), socket.socket():
        assert audit.present() > before
    assert left(audit, before) == []


@pytest.mark.parametrize("argv", [["sleep", "600"], DAEMON], ids=["child", "daemon"])
def test_a_process_is_told_and_ended(audit: Audit, argv: list[str]) -> None:
    """Once, with pid and command; also one that has left its session and its parent."""
    before = audit.present()
    with running(argv) as started:
        if argv[0] != "sleep":
            started.wait()
        wait_until("the sleep", lambda: "sleep 600" in map(mark.command, pids(audit)), timeout=LIMIT)
        (told,) = left(audit, before)
        assert re.fullmatch(r"process \d+: sleep 600", told)
    assert pids(audit) == []


def test_what_is_nobody_of_ours_is_not_told(audit: Audit) -> None:
    """A process without our mark, or with that of another run, and what it makes in the meantime."""
    before = audit.present()
    for other in ({}, {mark.RUN: "/tmp/colo-otherone"}, {mark.GUARDIAN: "/tmp/colo-otherone"}):  # noqa: S108 - a name
        with running(["sleep", "600"], env={"PATH": os.environ["PATH"], **other}):
            assert left(audit, before) == []


def test_a_process_takes_all_that_it_has_along(audit: Audit, estate: Estate) -> None:
    """Its namespace and its socket are not told beside it, but where it lives is."""
    before = audit.present()
    with ExitStack() as stack:
        with Namespace("mine") as space, space.entered():
            process = stack.enter_context(running([sys.executable, "-c", BINDER, f"{estate.folder}/x"]))
        wait_until("the socket", (estate.folder / "x").exists, timeout=LIMIT)
        told = left(audit, before)
    assert [one.partition(" ")[0] for one in told] == ["process", "file"]
    assert re.match(rf"process {process.pid} in net:\[\d+\]: ", told[0])


def test_a_zombie_is_told_and_reaped(audit: Audit) -> None:
    """Whoever started it forgot to wait for it."""
    before = audit.present()
    pid = os.posix_spawnp("true", ["true"], os.environ)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert left(audit, before) == [f"process {pid}: ended but not waited for"]
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_process_that_ends_by_itself_is_waited_for(audit: Audit) -> None:
    """What was killed may take a moment."""
    before = audit.present()
    subprocess.run(["sh", "-c", "sleep 1 &"], check=True)
    wait_until("it to be seen", lambda: pids(audit) != [], timeout=LIMIT, interval=0.01)
    assert audit.left(before, LIMIT) == []


def test_an_open_namespace_is_told(audit: Audit) -> None:
    """With its inode and the descriptor that holds it."""
    before = audit.present()
    with Namespace("mine") as space:
        descriptor = space.path.rpartition("/")[2]
        assert left(audit, before) == [f"namespace net:[{space.inode}], held by descriptor {descriptor}"]


def test_a_thread_that_stays_in_a_namespace_is_told(audit: Audit) -> None:
    """Nothing else holds it any more."""
    before, inside, leave = audit.present(), Event(), Event()

    def stay() -> None:
        with Namespace("mine") as space, space.entered():
            space.close()
            inside.set()
            leave.wait(LIMIT)

    thread = Thread(target=stay)
    thread.start()
    inside.wait(LIMIT)
    (told,) = (one for one in left(audit, before) if f"thread {thread.native_id}" in one)
    leave.set()
    thread.join()
    assert re.fullmatch(rf"namespace net:\[\d+\], held by thread {thread.native_id}", told)


def test_a_socket_is_told(audit: Audit) -> None:
    """Once, as a socket, with its name and its peer."""
    before = audit.present()
    with socket.socket() as listener, socket.socket() as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        caller.connect(listener.getsockname())
        told = left(audit, before)
    assert len(told) == 2
    assert all(re.match(r"socket socket:\[\d+\] \(AF_INET, \('127.0.0.1', ", one) for one in told)
    assert sum("peer ('127.0.0.1'" in one for one in told) == 1


def test_a_bound_socket_is_told_once(audit: Audit, estate: Estate) -> None:
    """Though it is a descriptor, too, and listed by the kernel; its file is another thing."""
    before = audit.present()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{estate.folder}/door")
        told = left(audit, before)
    assert len(told) == 2
    assert re.match(rf"socket socket:\[\d+\] \(AF_UNIX, {estate.folder}/door.*descriptor", told[0])
    assert told[1] == f"file {estate.folder}/door"


def test_a_socket_in_our_folder_is_told(audit: Audit, estate: Estate) -> None:
    """Whoever has it, with its path; the stranger himself is not ours."""
    before = audit.present()
    with running([sys.executable, "-c", BINDER, f"{estate.folder}/door"], env={"PATH": os.environ["PATH"]}):
        wait_until("the socket", (estate.folder / "door").exists, timeout=LIMIT)
        told = left(audit, before)
    assert [re.sub(r"\d+", "N", one) for one in told] == [
        re.sub(r"\d+", "N", f"socket socket:[N] at {estate.folder}/door, held by nobody to be seen"),
        re.sub(r"\d+", "N", f"file {estate.folder}/door"),
    ]


def test_a_file_is_told_and_removed(audit: Audit, estate: Estate) -> None:
    """What goes into the temporary folder goes into the estate."""
    before = audit.present()
    made = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    assert left(audit, before) == [f"file {made}"]
    assert made.parent == estate.folder
    assert not made.exists()


@pytest.mark.needs("netns")
def test_a_mount_is_told_and_removed(audit: Audit, estate: Estate) -> None:
    """Where something is mounted below our folder."""
    before = audit.present()
    point = estate.folder / "a b"
    point.mkdir()
    run(["mount", "-t", "tmpfs", "none", point], timeout=LIMIT)
    assert left(audit, before) == [f"mount {point}", f"file {point}"]
    assert not point.exists()


@pytest.mark.needs("netns")
def test_a_link_of_ours_is_told_and_removed(audit: Audit) -> None:
    """In this process's own network namespace; one that is not of our group is somebody else's."""
    name, strange = f"ours{os.getpid()}", f"other{os.getpid()}"
    before = audit.present()
    try:
        for link, group in ((name, mark.link_group()), (strange, 0)):
            run(["ip", "link", "add", link, "group", str(group), "type", "bridge"], timeout=LIMIT)
        assert left(audit, before) == [f"link {name}"]
        links = [name for _, name in socket.if_nameindex()]
        assert (name in links, strange in links) == (False, True)
    finally:
        run(["ip", "link", "delete", strange], timeout=LIMIT)


@pytest.mark.needs("tap")
def test_a_tap_is_told(audit: Audit) -> None:
    """By the descriptor that holds it."""
    before = audit.present()
    with Namespace("mine") as space:
        with space.entered():
            space.ip("tuntap add dev tap7 mode tap")
            device = os.open("/dev/net/tun", os.O_RDWR)
        try:
            with space.entered():
                fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tap7", IFF_TAP | IFF_NO_PI))
            assert f"tap tap7, held by descriptor {device}" in left(audit, before)
        finally:
            os.close(device)
