"""A checkpoint stream as QEMU writes it, in small: what self-tests of the relay send through it."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from colo_harness.colo.dissector import PAGE
from colo_harness.colo.message import ON_THE_WIRE, Message
from colo_harness.colo.relay import Relay
from colo_harness.machine.namespace import Namespace
from suites.harness.inside import caller, connected, listener

RAM_SECTION = 2
STATE = b"the state of all devices, as long as VMSTATE_SIZE says"
RETURN_PATH = struct.pack(">HHI", 2, 4, 7)
"""A pong (migration/migration.h, MIG_RP_MSG_PONG)."""


def word(message: Message) -> bytes:
    """Return a COLO message."""
    return struct.pack(">I", ON_THE_WIRE.index(message))


def pages(count: int) -> bytes:
    """Return as many pages, the first one with the name of its block, and each third one of zeros."""
    named = struct.pack(">QB", 8, 6) + b"pc.ram" + b"\x01" * PAGE
    zero = struct.pack(">Q", 0x1000 | 0x22) + b"\0"
    plain = struct.pack(">Q", 0x2000 | 0x28) + bytes(range(256)) * (PAGE // 256)
    return b"".join([named, *((zero if number % 3 else plain) for number in range(1, count))])


def section(kind: int, content: bytes) -> bytes:
    """Return a section of RAM with its head and footer."""
    head = struct.pack(">BI", kind, RAM_SECTION)
    if kind == 1:
        head += b"\x03ram" + struct.pack(">II", 0, 4)
    return head + content + struct.pack(">Q", 0x10) + struct.pack(">BI", 0x7E, RAM_SECTION)


def entry(*, head: bytes = b"QEVM\0\0\0\x03") -> bytes:
    """Return the migration that enters COLO."""
    block = struct.pack(">QB", PAGE * 16 | 4, 6) + b"pc.ram" + struct.pack(">Q", PAGE * 16)
    configuration = b"\x07" + struct.pack(">I", 3) + b"pc\0"
    command = b"\x08" + struct.pack(">HHI", 3, 4, 1)
    ram = section(1, block) + section(2, pages(9)) + section(3, struct.pack(">Q", 0x200) + pages(2))
    return head + configuration + command + ram + b"\x04 devices, whose length nobody tells \0\0\0\x01\0"


def checkpoint() -> list[tuple[Message, bytes]]:
    """Return what the primary says in one checkpoint, part by part."""
    return [
        (Message.CHECKPOINT_REQUEST, word(Message.CHECKPOINT_REQUEST)),
        (Message.VMSTATE_SEND, word(Message.VMSTATE_SEND)),
        (Message.RAM, section(3, pages(5)) + b"\0"),
        (Message.VMSTATE_SIZE, word(Message.VMSTATE_SIZE) + struct.pack(">Q", len(STATE))),
        (Message.DEVICE_STATE, STATE),
    ]


def joined(parts: Sequence[tuple[Message, bytes]]) -> bytes:
    """Return the bytes of these parts."""
    return b"".join(raw for _, raw in parts)


@dataclass
class Ends:
    """A relay, and who is at its ends."""

    relay: Relay
    primary: socket.socket
    secondary: socket.socket

    def enter(self) -> None:
        """Go into COLO."""
        self.primary.sendall(entry())
        assert received(self.secondary, len(entry())) == entry()
        self.secondary.sendall(word(Message.CHECKPOINT_READY))
        assert received(self.primary, 4) == word(Message.CHECKPOINT_READY)


def received(end: socket.socket, count: int) -> bytes:
    """Return the next bytes that come here."""
    return end.recv(count, socket.MSG_WAITALL)


def nothing_comes(end: socket.socket) -> bool:
    """Say whether nothing is there to be read, not even the end of the stream."""
    try:
        end.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


@contextmanager
def relayed() -> Iterator[Ends]:
    """Yield a relay with both ends, before anything was said."""
    with ExitStack() as stack:
        inside = stack.enter_context(Namespace("relay"))
        place = listener(inside)
        far = stack.enter_context(listener(inside))
        relay = stack.enter_context(Relay(place, caller(inside), far.getsockname()))
        primary = stack.enter_context(connected(inside, place))
        primary.settimeout(None)  # else MSG_WAITALL waits for nothing
        secondary = stack.enter_context(far.accept()[0])
        yield Ends(relay, primary, secondary)
