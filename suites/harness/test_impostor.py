"""The impostor passes everything on until the pair replicates, and then answers for the secondary."""

import socket
from collections.abc import Iterator

import pytest

from colo_harness.colo.impostor import LOADED, READY, RECEIVED, REPLY, REQUEST, Impostor
from colo_harness.machine.namespace import Namespace
from suites.harness.inside import caller, connected, listener

STATE = b"state" * 1000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The primary's and the secondary's end of a stream with an impostor in it."""
    with (
        Namespace("impostor") as inside,
        listener(inside) as place,
        listener(inside) as target,
        Impostor(place, caller(inside), target.getsockname()),
        connected(inside, place) as primary,
        target.accept()[0] as secondary,
    ):
        secondary.settimeout(5)
        yield primary, secondary


def exactly(end: socket.socket, size: int) -> bytes:
    """Return the next bytes."""
    got = b""
    while len(got) < size and (piece := end.recv(size - len(got))):
        got += piece
    return got


def test_a_checkpoint_is_answered_and_goes_nowhere(ends: tuple[socket.socket, socket.socket]) -> None:
    """The primary hears all that a secondary says, the secondary nothing more until its stream ends."""
    primary, secondary = ends
    primary.sendall(STATE)
    assert exactly(secondary, len(STATE)) == STATE
    secondary.sendall(READY)
    assert exactly(primary, 4) == READY
    for _ in range(2):
        primary.sendall(REQUEST)
        assert exactly(primary, 12) == REPLY + RECEIVED + LOADED
    primary.close()
    assert exactly(secondary, 1) == b""


def test_a_secondary_that_is_gone_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    """The primary's stream ends, as by the secondary's death."""
    primary, secondary = ends
    secondary.close()
    primary.sendall(STATE)
    assert exactly(primary, 1) == b""
