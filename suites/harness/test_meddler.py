"""The meddler doubles frames or swaps them, and loses none."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import pytest

from colo_harness.colo.meddler import Meddler
from colo_harness.machine.namespace import Namespace
from suites.harness.inside import connected, listener

Misdeed = Literal["doubled", "swapped"]


@pytest.fixture
def inside() -> Iterator[Namespace]:
    """Where all of it is."""
    with Namespace("meddler") as inside:
        yield inside


@pytest.fixture
def target(inside: Namespace) -> Iterator[socket.socket]:
    """Where the frames are to go: it listens, as compare_out does."""
    with listener(inside) as target:
        target.settimeout(10)
        yield target


def packed(text: bytes) -> bytes:
    """Return a frame as it travels."""
    return struct.pack("!II", len(text), 0) + text


@pytest.mark.parametrize(
    ("misdeed", "seen"), [("doubled", [b"a", b"a", b"bb", b"bb", b"c", b"c"]), ("swapped", [b"bb", b"a", b"c"])]
)
def test_frames_are_meddled_with(inside: Namespace, target: socket.socket, misdeed: Misdeed, seen: list[bytes]) -> None:
    """One that has no other to change places with goes on alone, also where it came in pieces."""
    place = listener(inside)
    meddler = Meddler(place, lambda: connected(inside, target), misdeed)
    with closing(meddler), connected(inside, place) as source:
        sent = packed(b"a") + packed(b"bb") + packed(b"c")
        source.sendall(sent[:11])
        source.sendall(sent[11:])
        reader, _ = target.accept()
        with reader:
            reader.settimeout(None)  # else MSG_WAITALL waits for nothing
            wanted = b"".join(map(packed, seen))
            assert reader.recv(len(wanted), socket.MSG_WAITALL) == wanted
