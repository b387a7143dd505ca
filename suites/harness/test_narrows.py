"""The narrows stop a stream in the middle of what is sent, and let all of it pass in the end."""

import socket
from collections.abc import Callable, Iterator

import pytest

from colo_harness.colo.narrows import CUT, Narrows
from colo_harness.errors import WaitTimeout
from colo_harness.machine.namespace import Namespace
from suites.harness.inside import connected, listener

Joined = Callable[[], tuple[socket.socket, socket.socket]]
FRAME = b"\0\0\0\x10 sixteen bytes.."


@pytest.fixture
def inside() -> Iterator[Namespace]:
    """Where all of it is."""
    with Namespace("narrows") as inside:
        yield inside


@pytest.fixture
def source(inside: Namespace) -> Iterator[socket.socket]:
    """Where the stream comes from: it listens, as compare0 does."""
    with listener(inside) as source:
        yield source


@pytest.fixture
def place(inside: Namespace) -> Iterator[socket.socket]:
    """Where the narrows listen."""
    with listener(inside) as place:
        yield place


@pytest.fixture
def narrows(inside: Namespace, source: socket.socket, place: socket.socket) -> Iterator[Narrows]:
    """Narrows between both."""
    with Narrows(place, lambda: connected(inside, source)) as narrows:
        yield narrows


@pytest.fixture
def joined(inside: Namespace, place: socket.socket, source: socket.socket) -> Joined:
    """Make a stream, and return both ends of it: who reads, who sends."""
    return lambda: _joined(inside, place, source)


def _joined(inside: Namespace, place: socket.socket, source: socket.socket) -> tuple[socket.socket, socket.socket]:
    reader = connected(inside, place)
    reader.settimeout(None)  # else MSG_WAITALL waits for nothing
    sender, _ = source.accept()
    return reader, sender


def test_a_frame_is_cut_and_completed(narrows: Narrows, joined: Joined) -> None:
    """Its first bytes pass; the rest does in the end, and so does what came after it."""
    reader, sender = joined()
    with reader, sender:
        sender.sendall(FRAME)
        assert reader.recv(len(FRAME), socket.MSG_WAITALL) == FRAME
        narrows.hold()
        sender.sendall(FRAME)
        narrows.wait_held(timeout=5)
        sender.sendall(FRAME)
        assert reader.recv(2 * len(FRAME)) == FRAME[:CUT]
        narrows.release()
        assert reader.recv(2 * len(FRAME) - CUT, socket.MSG_WAITALL) == (2 * FRAME)[CUT:]


def test_who_joins_again_is_joined(narrows: Narrows, joined: Joined) -> None:
    """A stream that was made anew passes, too, and the old one's end is passed on."""
    for _ in range(2):
        reader, sender = joined()
        with reader:
            sender.sendall(FRAME)
            sender.close()
            assert reader.recv(2 * len(FRAME), socket.MSG_WAITALL) == FRAME
    narrows.hold()
    with pytest.raises(WaitTimeout, match="sent colo-compare nothing"):
        narrows.wait_held(timeout=0.01)


def test_it_ends_in_the_middle_of_a_frame(narrows: Narrows, joined: Joined) -> None:
    """Closing waits for nobody."""
    reader, sender = joined()
    with reader, sender:
        narrows.hold()
        sender.sendall(FRAME)
        narrows.wait_held(timeout=5)
        narrows.close()
