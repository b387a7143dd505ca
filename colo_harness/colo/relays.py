"""The relays of ours that stand in the streams of one pair, on the primary's host, where its topology asks for them."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from colo_harness.colo import relay
from colo_harness.colo.impostor import Impostor
from colo_harness.colo.meddler import Meddler
from colo_harness.colo.message import Message
from colo_harness.colo.narrows import Narrows
from colo_harness.colo.relay import Relay
from colo_harness.judge.transaction import LAST_BEFORE
from colo_harness.qemu import argv
from colo_harness.qemu.topology import MEDDLER_PORT, NARROWS_PORT, Channel, Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair

LOOPBACK = "127.0.0.1"
RELAY_PORT = 9997


class Relays:
    """Opened by the steps of the procedure; `close` cuts what is left."""

    def __init__(self, pair: "ColoPair") -> None:
        self.first: tuple[Message, ...] = ()
        """Where the next checkpoint stream is held from its beginning on."""
        self._pair = pair
        self._since = 0
        """The history's cursor when the checkpoint stream was opened."""
        self._checkpoint: Relay | None = None
        self._narrows: Narrows | None = None
        self._meddler: Meddler | None = None
        self._impostor: Impostor | None = None

    @property
    def checkpoint(self) -> Relay:
        """The relay in the checkpoint stream of a pair whose topology is relayed. Raises RuntimeError."""
        if self._checkpoint is None:
            raise RuntimeError("this pair's topology is not relayed")
        return self._checkpoint

    @property
    def narrows(self) -> Narrows:
        """The relay before the colo-compare of host_a, in a pair whose topology is narrowed. Raises RuntimeError."""
        if self._narrows is None:
            raise RuntimeError("this pair's topology is not narrowed")
        return self._narrows

    def open_checkpoint(self) -> tuple[str, str]:
        """Return the address and the port to which the primary is to migrate; a relay of ours listens if one is due."""
        pair = self._pair
        secondary = pair.address(Role.SECONDARY)
        if pair.topology.impostor:
            listener = self._listen(pair.address(Role.PRIMARY), RELAY_PORT)
            self._impostor = Impostor(listener, self._socket(), (secondary, int(Channel.CHECKPOINT)))
            return pair.address(Role.PRIMARY), str(RELAY_PORT)
        if not pair.topology.relayed:
            return secondary, Channel.CHECKPOINT
        if self._checkpoint:
            self._checkpoint.close()
        self._since = pair.history.cursor()
        at, target = (pair.address(Role.PRIMARY), RELAY_PORT), (secondary, int(Channel.CHECKPOINT))
        site = pair.network.site(pair.host(Role.PRIMARY))
        self._checkpoint = site.employ(relay.between, at=at, target=target, breaks=self.first)
        self.first = ()
        return pair.address(Role.PRIMARY), str(RELAY_PORT)

    def await_held(self, *, timeout: float) -> Message:
        """Return what is held in the checkpoint stream, once both sides have traced all before it. Raises WaitTimeout.

        Its checkpoint may have begun before anybody held it, so traces are counted: each checkpoint has one of a kind.
        """
        message = self.checkpoint.wait_held(timeout=timeout)
        begun = [*self.checkpoint.passed, message].count(Message.CHECKPOINT_REQUEST)
        for role, last in zip(Role, LAST_BEFORE[message], strict=True):
            for event, of in last[:1]:
                cursor = self._since
                for _ in range(max(begun, 1)):
                    trace = self._pair.vm(role).await_trace(event, of, since=cursor, timeout=timeout)
                    cursor = trace.line - 1
        return message

    def open_around_compare(self) -> None:
        """Let the relays listen that stand before and behind the primary's colo-compare, where the topology has any."""
        topology = self._pair.topology
        if topology.narrowed:
            self._narrows = Narrows(self._listen(LOOPBACK, NARROWS_PORT), partial(self._dial, argv.LOOP_PORT))
        if topology.meddling:
            listener = self._listen(LOOPBACK, MEDDLER_PORT)
            self._meddler = Meddler(listener, partial(self._dial, argv.OUT_PORT), topology.meddling)

    def check(self) -> None:
        """Raise MachineError where the one in the checkpoint stream broke."""
        if self._checkpoint:
            self._checkpoint.check()

    @contextmanager
    def taking_blame(self) -> Iterator[None]:
        """Raise MachineError in place of what QEMU seems to have done wrong, where one of ours broke."""
        try:
            yield
        except AssertionError:
            self.check()
            raise

    def close(self) -> None:
        """Cut all of them; may be called again."""
        with ExitStack() as closing:
            for relay in (self._checkpoint, self._narrows, self._meddler, self._impostor):
                if relay:
                    closing.callback(relay.close)

    def _socket(self) -> socket.socket:
        """Return a socket of the primary's host."""
        host = self._pair.host(Role.PRIMARY)
        return self._pair.network.host(host).socket(socket.AF_INET, socket.SOCK_STREAM)

    def _dial(self, port: int) -> socket.socket:
        """Return a connection to what listens on the loopback of the primary's host."""
        end = self._socket()
        end.connect((LOOPBACK, port))
        return end

    def _listen(self, address: str, port: int) -> socket.socket:
        """Return a socket that listens on the primary's host."""
        listener = self._socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1)
        return listener
