"""The narrows stop a stream in the middle of what is sent, and let all of it pass in the end."""

import socket
from collections.abc import Iterator

import pytest

from colo_harness.colo.narrows import CUT, Narrows
from colo_harness.errors import WaitTimeout

FRAME = b"\0\0\0\x10 sixteen bytes.."


@pytest.fixture
def source() -> Iterator[socket.socket]:
    """Where the stream comes from: it listens, as compare0 does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def place() -> Iterator[socket.socket]:
    """Where the narrows listen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def narrows(source: socket.socket, place: socket.socket) -> Iterator[Narrows]:
    """Narrows between both."""
    with Narrows(place, lambda: socket.create_connection(source.getsockname(), 5)) as narrows:
        yield narrows


def joined(place: socket.socket, source: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new stream: who reads, who sends."""
    reader = socket.create_connection(place.getsockname(), 5)
    reader.settimeout(None)  # else MSG_WAITALL waits for nothing
    sender, _ = source.accept()
    return reader, sender


def test_a_frame_is_cut_and_completed(narrows: Narrows, place: socket.socket, source: socket.socket) -> None:
    """Its first bytes pass; the rest does in the end, and so does what came after it."""
    reader, sender = joined(place, source)
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


def test_who_joins_again_is_joined(narrows: Narrows, place: socket.socket, source: socket.socket) -> None:
    """A stream that was made anew passes, too, and the old one's end is passed on."""
    for _ in range(2):
        reader, sender = joined(place, source)
        with reader:
            sender.sendall(FRAME)
            sender.close()
            assert reader.recv(2 * len(FRAME), socket.MSG_WAITALL) == FRAME
    narrows.hold()
    with pytest.raises(WaitTimeout, match="sent colo-compare nothing"):
        narrows.wait_held(timeout=0.01)


def test_it_ends_in_the_middle_of_a_frame(narrows: Narrows, place: socket.socket, source: socket.socket) -> None:
    """Closing waits for nobody."""
    reader, sender = joined(place, source)
    with reader, sender:
        narrows.hold()
        sender.sendall(FRAME)
        narrows.wait_held(timeout=5)
        narrows.close()
