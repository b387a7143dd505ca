"""A relay in the checkpoint stream that can hold it before any of its parts, or break it there.

It says what it did, and when it breaks itself: then both connections are closed, and whoever uses it is told.
"""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from colo_harness.colo import dissector
from colo_harness.colo.dissector import Chunk, NotUnderstood
from colo_harness.colo.message import Message
from colo_harness.errors import MachineError, WaitTimeout

if TYPE_CHECKING:
    from colo_harness.machine.namespace import Namespace

PIECE = 1 << 20
SLICE_S = 0.01
"""Seconds between the slices that a slow relay lets pass."""
_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


@dataclass
class _Way:
    """One direction of the stream."""

    source: socket.socket
    sink: socket.socket
    parts: dissector.Primary | dissector.Secondary
    queue: deque[Chunk] = field(default_factory=deque)
    part: Message | None = None
    """The part that passes or has passed last, and how many bytes of it have."""
    offset: int = 0

    def take(self) -> bool:
        """Read what there is; False at the end of the stream."""
        piece = self.source.recv(PIECE)
        self.queue.extend(self.parts.feed(piece))
        return bool(piece)


@dataclass
class _Flip:
    """A byte to change within a part."""

    part: Message
    offset: int
    done: bool = False


class Relay:
    """Accepts one connection on `listener` and joins it to the target, through `upstream`.

    `breaks` are parts before which it holds the stream: nothing passes either way then until it is released.
    A side that dies or closes its end meanwhile ends the stream all the same. Methods raise MachineError once the relay
    is broken.
    """

    def __init__(
        self,
        listener: socket.socket,
        upstream: socket.socket,
        target: tuple[str, int],
        breaks: Iterable[Message] = (),
    ) -> None:
        self._listener = listener
        self._upstream = upstream
        self._target = target
        self._changed = threading.Condition()
        self._breaks = frozenset(breaks)
        self._held: Message | None = None
        self._let: Message | None = None
        self._stalled = False
        self._numb = False
        self._cut = False
        self._over = False
        self._failure: BaseException | None = None
        self._rate: int | None = None
        self._due = 0.0
        self._flip: _Flip | None = None
        self._passed: list[Message] = []
        self._primary = dissector.Primary()
        self._ways: list[_Way] = []
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="colo-relay", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- breakpoints ------------------------------------------------------------------------------------------------

    def hold(self, *parts: Message) -> None:
        """Stop at the next of these parts, before its first byte passes."""
        self._tell(_breaks=frozenset(parts))

    def wait_held(self, *, timeout: float) -> Message:
        """Return what stands here once something does. Raises WaitTimeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._over, timeout)
            self.check()
            if self._held is None:
                seen = f"{self._passed[-1]} passed last" if self._passed else "nothing of COLO passed"
                gone = ", and the stream has ended" if self._over else ""
                wanted = " or ".join(sorted(self._breaks)) or "part to hold at"
                raise WaitTimeout(f"no {wanted} came in {timeout:g} s; {seen}{gone}")
            return self._held

    @property
    def held(self) -> Message | None:
        """What stands here now."""
        return self._held

    @property
    def passed(self) -> list[Message]:
        """The parts that have passed, or begun to, since the relay was made."""
        return list(self._passed)

    def advance(self) -> None:
        """Let pass what is held, and hold at the next of the parts that `hold` named."""
        self._tell(_let=self._held, _held=None)

    def release(self) -> None:
        """Let what is held and everything after it pass."""
        self._tell(_held=None, _breaks=frozenset())

    # --- faults -----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Close both connections, whatever is held."""
        self._tell(_cut=True)
        with self._changed:
            self._changed.wait_for(lambda: self._over, 10)
            self.check()

    def stall(self) -> None:
        """Let nothing pass either way any more, not even the end of one side, until `unstall`."""
        self._tell(_stalled=True)
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._numb, 10)
            self.check()
            if not (self._over or self._numb):
                raise MachineError("the relay is stuck in a side that does not read", "stall it where it is held")

    def unstall(self) -> None:
        """Let all pass that has waited since `stall`."""
        self._tell(_stalled=False)

    def slow(self, rate: int | None) -> None:
        """Let only `rate` bytes pass in a second, either way; None: as many as come."""
        self._tell(_rate=rate)

    def flip(self, part: Message, offset: int) -> None:
        """Invert the byte at `offset` of the next `part` that passes."""
        self._tell(_flip=_Flip(part, offset))

    def wait_flipped(self, *, timeout: float) -> None:
        """Return once the byte has been changed and sent. Raises MachineError."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._flip and self._flip.done), timeout)
            self.check()
            if not (self._flip and self._flip.done):
                raise MachineError(f"the relay changed no byte in {timeout:g} s", "hold the stream at that part first")

    # --- end --------------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether the stream has ended."""
        return self._over

    def check(self) -> None:
        """Raise MachineError if the relay itself is broken: what its pair did since then proves nothing."""
        if isinstance(self._failure, NotUnderstood):
            raise MachineError(
                f"the relay in the checkpoint stream does not understand {self._failure}",
                "this QEMU's stream has something new: teach it to colo_harness/colo/dissector.py",
            ) from self._failure
        if self._failure:
            raise MachineError(
                f"the relay in the checkpoint stream broke: {self._failure!r}", "please report this as a bug"
            ) from self._failure

    def close(self) -> None:
        """Cut both connections; may be called again."""
        with suppress(OSError):  # it was closed before
            self._wake.shutdown(socket.SHUT_RDWR)
        for end in (self._upstream, *(way.sink for way in self._ways)):
            with suppress(OSError):  # not connected any more
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for end in (self._listener, self._upstream, self._wake, self._woken):
            end.close()
        if self._thread.is_alive():
            raise MachineError("the checkpoint relay's thread does not end", "please report this as a bug")

    # --- inside: all of it on the relay's thread ----------------------------------------------------------------------

    def _tell(self, **state: object) -> None:
        with self._changed:
            self.check()
            for name, value in state.items():
                setattr(self, name, value)
        with suppress(OSError):  # the relay was closed
            self._wake.send(b".")

    def _run(self) -> None:
        try:
            self._join()
        except Exception as failure:  # noqa: BLE001 - whoever uses the relay is told, whatever it is
            self._failure = failure
        finally:
            self._upstream.close()
            with self._changed:
                self._over, self._held = True, None
                self._changed.notify_all()

    def _join(self) -> None:
        with select.epoll() as ready:
            ready.register(self._woken, select.EPOLLIN)
            ready.register(self._listener, select.EPOLLIN)
            while not any(fd == self._listener.fileno() for fd, _ in ready.poll()):
                if not self._woken.recv(16):
                    return
            primary, _ = self._listener.accept()
            ready.unregister(self._listener)
            self._listener.close()
            with primary, suppress(ConnectionError):  # one end died: both are closed, as by a cut of the stream
                self._upstream.connect(self._target)
                for end in (primary, self._upstream):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ready.register(end, 0)
                self._ways = [
                    _Way(primary, self._upstream, self._primary),
                    _Way(self._upstream, primary, dissector.Secondary()),
                ]
                self._pass_on(ready)

    def _pass_on(self, ready: select.epoll) -> None:
        while not self._cut:
            if not self._rest():
                return
            patience = self._pump()
            for way in self._ways:
                ready.modify(way.source, select.EPOLLRDHUP | (0 if way.queue else select.EPOLLIN))
            events = dict(ready.poll(patience))
            if self._woken.fileno() in events and not self._woken.recv(16):
                return
            for way in self._ways:
                event = events.get(way.source.fileno(), 0)
                if event & select.EPOLLIN:
                    if not way.take():
                        return
                elif event & _GONE:
                    return

    def _rest(self) -> bool:
        """Notice nothing while the stream is stalled, not even a hang-up; False when the relay is to end."""
        while self._stalled:
            with self._changed:
                self._numb = True
                self._changed.notify_all()
            if not self._woken.recv(16):
                return False
        self._numb = False
        return True

    def _pump(self) -> float | None:
        """Pass on what may pass; return the seconds until more may, None if something must happen first."""
        for way in self._ways:
            while way.queue and self._admits(way.queue[0][0]):
                if (rate := self._rate) is None:
                    self._send(way, *way.queue.popleft())
                    continue
                if (wait := self._due - time.monotonic()) > 0:
                    return wait
                part, raw = way.queue.popleft()
                size = max(int(rate * SLICE_S), 1)
                if raw[size:]:
                    way.queue.appendleft((None, raw[size:]))
                self._send(way, part, raw[:size])
                self._due = time.monotonic() + size / rate
        return None

    def _admits(self, begins: Message | None) -> bool:
        with self._changed:
            if self._held or self._stalled:
                return False
            if begins in self._breaks and begins is not self._let:
                self._held = begins
                self._changed.notify_all()
                return False
            return True

    def _send(self, way: _Way, begins: Message | None, raw: memoryview) -> None:
        if begins:
            way.part, way.offset = begins, 0
        if begins is Message.CHECKPOINT_READY:
            self._primary.enter_colo()
        flip = self._flip
        hit = flip and not flip.done and flip.part is way.part and 0 <= flip.offset - way.offset < len(raw)
        way.sink.sendall(_inverted(raw, flip.offset - way.offset) if flip and hit else raw)
        way.offset += len(raw)
        with self._changed:
            if begins:
                self._let = None
                self._passed.append(begins)
            if flip and hit:
                flip.done = True
            self._changed.notify_all()


def _inverted(raw: memoryview, at: int) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 0xFF
    return bytes(changed)


def between(
    namespace: "Namespace", *, at: tuple[str, int], target: tuple[str, int], breaks: Iterable[Message]
) -> Relay:
    """Return a relay that listens in the namespace of the primary's host, and joins whoever comes to the target."""
    listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((at[0], at[1]))
    listener.listen(1)
    upstream = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    return Relay(listener, upstream, (target[0], target[1]), breaks)
