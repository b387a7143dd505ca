"""A relay in the checkpoint stream that can hold it at a message of the secondary, or mute the primary.

From the secondary to the primary the stream carries nothing but small messages: first those of the migration's return
path, then COLO's own, each a 32-bit big-endian COLOMessage (migration/colo.c, colo_send_message; qapi/migration.json,
COLOMessage). The other direction is passed on unread.
"""

import selectors
import socket
import struct
import threading
from contextlib import suppress
from enum import IntEnum
from typing import Self

from colo_harness.errors import MachineError, WaitTimeout

PIECE = 1 << 20


class Message(IntEnum):
    """COLO's messages by their number on the wire (qapi/migration.json, COLOMessage)."""

    CHECKPOINT_READY = 0
    CHECKPOINT_REQUEST = 1
    CHECKPOINT_REPLY = 2
    VMSTATE_SEND = 3
    VMSTATE_SIZE = 4
    VMSTATE_RECEIVED = 5
    VMSTATE_LOADED = 6


LAST_OF_PRIMARY = {
    Message.CHECKPOINT_REPLY: ("colo_send_message", "checkpoint-request"),
    Message.VMSTATE_RECEIVED: ("colo_send_message", "vmstate-size"),
    Message.VMSTATE_LOADED: ("colo_receive_message", "vmstate-received"),
}
"""What the primary traces last before it gets each of these messages; a message can be here before that is traced."""


class Relay:
    """Accepts one connection on `listener` and joins it to what `dial` connects to."""

    def __init__(self, listener: socket.socket, upstream: socket.socket, target: tuple[str, int]) -> None:
        self._listener = listener
        self._upstream = upstream
        self._target = target
        self._changed = threading.Condition()
        self._hold: Message | None = None
        self._held = b""
        self._holding = False
        self._muted = False
        self._answers = _Answers()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="colo-relay", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hold(self, message: Message) -> None:
        """Keep the next `message` of the secondary, and all that follows it, from the primary."""
        with self._changed:
            self._hold = message

    def wait_held(self, *, timeout: float) -> None:
        """Return once the message stands here. Raises WaitTimeout."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._holding, timeout):
                raise WaitTimeout(f"the secondary sent no {self._hold!r} in {timeout:g} s")

    def release(self) -> None:
        """Let the held message and everything after it pass."""
        with self._changed:
            self._hold = None
        self._wake.send(b".")

    def mute(self) -> None:
        """Keep from the secondary whatever the primary sends from now on, until `unmute`."""
        self._muted = True
        self._wake.send(b".")

    def unmute(self) -> None:
        """Let the primary be heard again, and all that it said since `mute`."""
        self._muted = False
        self._wake.send(b".")

    def close(self) -> None:
        """Cut both connections."""
        self._wake.close()
        self._thread.join(10)
        for end in (self._listener, self._upstream, self._woken):
            end.close()
        if self._thread.is_alive():
            raise MachineError("the checkpoint relay's thread does not end", "please report this as a bug")

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._woken, selectors.EVENT_READ)
            ready.register(self._listener, selectors.EVENT_READ)
            if not self._awaits(ready, self._listener):
                return
            primary, _ = self._listener.accept()
            ready.unregister(self._listener)
            self._listener.close()
            with primary, suppress(ConnectionError):  # a QEMU that is gone: the primary sees its stream end
                self._upstream.connect(self._target)
                for end in (primary, self._upstream):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ready.register(end, selectors.EVENT_READ)
                self._pass_on(ready, primary)
                self._upstream.close()

    def _awaits(self, ready: selectors.BaseSelector, wanted: socket.socket) -> bool:
        """Return True when `wanted` is readable, False when the relay was closed first."""
        while True:
            for key, _ in ready.select():
                if key.fileobj is wanted:
                    return True
                if not self._woken.recv(16):
                    return False

    def _pass_on(self, ready: selectors.BaseSelector, primary: socket.socket) -> None:
        while True:
            for key, _ in ready.select():
                try:
                    if key.fileobj is self._woken:
                        if not self._woken.recv(16):
                            return
                        self._listen(ready, primary)
                        self._flush(primary)
                    elif key.fileobj is primary:
                        if not (piece := primary.recv(PIECE)):
                            return
                        self._upstream.sendall(piece)
                    else:
                        if not (piece := self._upstream.recv(PIECE)):
                            return
                        self._answer(piece, primary)
                except ConnectionError:
                    return  # one end died: both connections are closed, as a cut of the stream

    def _answer(self, piece: bytes, primary: socket.socket) -> None:
        for message, raw in self._answers.feed(piece):
            with self._changed:
                if message is not None and message == self._hold:
                    self._holding = True
                    self._changed.notify_all()
                if self._holding:
                    self._held += raw
                    continue
            primary.sendall(raw)

    def _listen(self, ready: selectors.BaseSelector, primary: socket.socket) -> None:
        """Read what the primary sends unless it is muted; what is not read waits in its own socket."""
        listening = primary in ready.get_map()
        if self._muted and listening:
            ready.unregister(primary)
        elif not self._muted and not listening:
            ready.register(primary, selectors.EVENT_READ)

    def _flush(self, primary: socket.socket) -> None:
        with self._changed:
            if self._hold is not None:
                return
            held, self._held, self._holding = self._held, b"", False
        primary.sendall(held)


class _Answers:
    """Cuts what the secondary sends into messages: those of the return path (None), then COLO's."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_colo = False

    def feed(self, piece: bytes) -> list[tuple[Message | None, bytes]]:
        """Return the whole messages that are complete with `piece`, each with its bytes."""
        self._rest += piece
        found: list[tuple[Message | None, bytes]] = []
        while len(self._rest) >= 4:  # noqa: PLR2004 - both kinds start with four bytes
            kind, length = struct.unpack_from(">HH", self._rest)
            self._in_colo = self._in_colo or kind == 0
            size = 4 if self._in_colo else 4 + length
            if len(self._rest) < size:
                break
            raw, self._rest = self._rest[:size], self._rest[size:]
            found.append((Message(length) if self._in_colo else None, raw))
        return found
