"""The relay in the checkpoint stream holds it before each part, breaks it there, and tells when it breaks itself."""

import socket
import time
from collections.abc import Iterator

import pytest

from colo_harness.colo.message import OF_SECONDARY, TRANSACTION, Message
from colo_harness.errors import MachineError, WaitTimeout
from suites.harness.streams import (
    Ends,
    checkpoint,
    entry,
    joined,
    nothing_comes,
    pages,
    received,
    relayed,
    section,
    word,
)

WHOLE = joined(checkpoint())


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A relay with both ends."""
    with relayed() as ends:
        yield ends


@pytest.fixture
def in_colo(ends: Ends) -> Ends:
    """A relay that has seen a pair enter COLO."""
    ends.enter()
    return ends


@pytest.mark.parametrize("index", range(5), ids=[part for part, _ in checkpoint()])
def test_it_holds_before_each_part_of_the_primary(in_colo: Ends, index: int) -> None:
    """What is ahead of the part has passed, nothing of it has, and all of it does in the end."""
    part, ahead = checkpoint()[index][0], joined(checkpoint()[:index])
    in_colo.relay.hold(part)
    in_colo.primary.sendall(WHOLE)
    assert in_colo.relay.wait_held(timeout=5) is part
    assert received(in_colo.secondary, len(ahead)) == ahead
    assert nothing_comes(in_colo.secondary)
    in_colo.relay.release()
    assert received(in_colo.secondary, len(WHOLE) - len(ahead)) == WHOLE[len(ahead) :]


@pytest.mark.parametrize("part", OF_SECONDARY[1:], ids=str)
def test_it_holds_before_each_message_of_the_secondary(in_colo: Ends, part: Message) -> None:
    """While one stands here nothing passes the other way either."""
    in_colo.relay.hold(part)
    in_colo.secondary.sendall(word(part))
    assert in_colo.relay.wait_held(timeout=5) is part
    in_colo.primary.sendall(WHOLE)
    in_colo.secondary.settimeout(0.05)
    with pytest.raises(TimeoutError):
        in_colo.secondary.recv(1)
    in_colo.secondary.settimeout(None)
    assert nothing_comes(in_colo.primary)
    in_colo.relay.release()
    assert received(in_colo.secondary, len(WHOLE)) == WHOLE
    assert nothing_comes(in_colo.secondary)
    assert received(in_colo.primary, 4) == word(part)


def test_it_walks_from_part_to_part(in_colo: Ends) -> None:
    """Told to advance, it lets one part pass and holds at the next one."""
    in_colo.relay.hold(*TRANSACTION)
    in_colo.primary.sendall(WHOLE)
    for part, raw in checkpoint():
        assert in_colo.relay.wait_held(timeout=5) is part
        assert nothing_comes(in_colo.secondary)
        in_colo.relay.advance()
        assert received(in_colo.secondary, len(raw)) == raw
    with pytest.raises(WaitTimeout, match="device-state passed last"):
        in_colo.relay.wait_held(timeout=0.01)
    assert in_colo.relay.passed[3:] == [part for part, _ in checkpoint()]


@pytest.mark.parametrize("part", [Message.RAM, Message.DEVICE_STATE, Message.CHECKPOINT_READY], ids=str)
def test_it_holds_on_the_way_into_colo(ends: Ends, part: Message) -> None:
    """The migration's RAM, its device state and the first message are parts, too."""
    ends.relay.hold(part)
    ends.primary.sendall(entry())
    ends.secondary.sendall(word(Message.CHECKPOINT_READY) if part is Message.CHECKPOINT_READY else b"")
    assert ends.relay.wait_held(timeout=5) is part
    ends.relay.release()
    assert received(ends.secondary, len(entry())) == entry()


def test_a_side_that_dies_ends_what_is_held(in_colo: Ends) -> None:
    """The other side sees the end of the stream, and what was held never passes."""
    in_colo.relay.hold(Message.CHECKPOINT_REQUEST)
    in_colo.primary.sendall(WHOLE)
    in_colo.relay.wait_held(timeout=5)
    in_colo.primary.close()
    assert received(in_colo.secondary, 1) == b""
    in_colo.relay.release()
    with pytest.raises(WaitTimeout, match="the stream has ended"):
        in_colo.relay.wait_held(timeout=5)


def test_it_cuts(in_colo: Ends) -> None:
    """Both sides see the end of the stream."""
    in_colo.relay.cut()
    assert received(in_colo.secondary, 1) == b""
    assert received(in_colo.primary, 1) == b""


def test_it_stalls(in_colo: Ends) -> None:
    """Nothing passes, not even an end, until it is over."""
    in_colo.relay.hold(Message.RAM)
    in_colo.primary.sendall(WHOLE)
    in_colo.relay.wait_held(timeout=5)
    assert received(in_colo.secondary, 8)
    in_colo.relay.stall()
    in_colo.relay.release()
    in_colo.primary.shutdown(socket.SHUT_WR)
    assert nothing_comes(in_colo.secondary)
    in_colo.relay.unstall()
    assert received(in_colo.secondary, len(WHOLE) - 8) == WHOLE[8:]
    assert received(in_colo.secondary, 1) == b""


def test_it_is_slow(in_colo: Ends) -> None:
    """No more bytes pass in a second than it was told, and it can be told otherwise."""
    in_colo.relay.slow(20_000)
    began = time.monotonic()
    in_colo.primary.sendall(WHOLE)
    assert received(in_colo.secondary, 4000) == WHOLE[:4000]
    assert time.monotonic() - began > 0.15
    in_colo.relay.slow(None)
    assert received(in_colo.secondary, len(WHOLE) - 4000) == WHOLE[4000:]


@pytest.mark.parametrize(("part", "offset"), [(Message.VMSTATE_SIZE, 11), (Message.RAM, 4500), (Message.RAM, 0)])
def test_it_changes_one_byte(in_colo: Ends, part: Message, offset: int) -> None:
    """The byte of that part is inverted, and no other one."""
    in_colo.relay.flip(part, offset)
    in_colo.primary.sendall(WHOLE)
    in_colo.relay.wait_flipped(timeout=5)
    came = received(in_colo.secondary, len(WHOLE))
    at = len(joined([one for one in checkpoint() if TRANSACTION.index(one[0]) < TRANSACTION.index(part)])) + offset
    assert [number for number, byte in enumerate(came) if byte != WHOLE[number]] == [at]
    assert came[at] == WHOLE[at] ^ 0xFF


def test_a_byte_that_was_not_changed_is_told(in_colo: Ends) -> None:
    """Who asks for a change that does not come is told, as of an error of ours."""
    in_colo.relay.flip(Message.RAM, 0)
    with pytest.raises(MachineError, match="changed no byte"):
        in_colo.relay.wait_flipped(timeout=0.01)


def test_it_tells_that_it_broke(in_colo: Ends) -> None:
    """What it does not understand ends the stream, and whatever is asked of it then is refused."""
    in_colo.relay.hold(Message.RAM)
    in_colo.primary.sendall(b"\0\0\0\x99")
    with pytest.raises(MachineError, match="does not understand a COLO message of number 0x99"):
        in_colo.relay.wait_held(timeout=5)
    assert received(in_colo.secondary, 1) == b""
    with pytest.raises(MachineError, match=r"dissector\.py"):
        in_colo.relay.release()


def test_it_closes_although_nobody_reads(in_colo: Ends) -> None:
    """A side that hangs does not keep it from ending."""
    in_colo.primary.settimeout(0.2)
    with pytest.raises(TimeoutError):
        in_colo.primary.sendall(joined(checkpoint()[:2]) + section(3, pages(10_000)))
    in_colo.relay.close()
