"""The meddler doubles frames or swaps them, and loses none."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest

from colo_harness.colo.meddler import Meddler

Misdeed = Literal["doubled", "swapped"]


@pytest.fixture
def target() -> Iterator[socket.socket]:
    """Where the frames are to go: it listens, as compare_out does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def packed(text: bytes) -> bytes:
    """Return a frame as it travels."""
    return struct.pack("!II", len(text), 0) + text


@pytest.mark.parametrize(
    ("misdeed", "seen"), [("doubled", [b"a", b"a", b"bb", b"bb", b"c", b"c"]), ("swapped", [b"bb", b"a", b"c"])]
)
def test_frames_are_meddled_with(target: socket.socket, misdeed: Misdeed, seen: list[bytes]) -> None:
    """One that has no other to change places with goes on alone, also where it came in pieces."""
    place = socket.create_server(("127.0.0.1", 0))
    meddler = Meddler(place, lambda: socket.create_connection(target.getsockname(), 10), misdeed)
    with closing(meddler), socket.create_connection(place.getsockname(), 10) as source:
        sent = packed(b"a") + packed(b"bb") + packed(b"c")
        source.sendall(sent[:11])
        source.sendall(sent[11:])
        reader, _ = target.accept()
        with reader:
            reader.settimeout(None)  # else MSG_WAITALL waits for nothing
            wanted = b"".join(map(packed, seen))
            assert reader.recv(len(wanted), socket.MSG_WAITALL) == wanted
