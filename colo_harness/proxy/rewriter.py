"""filter-rewriter on a bench: what a client and the secondary's guest send goes in, what the other gets comes out."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from colo_harness.proxy.barrier import barrier
from colo_harness.proxy.bench import NAME, Bench, Lacking
from colo_harness.proxy.port import Port
from colo_harness.proxy.primary import Primary
from colo_harness.proxy.session import Said, Session
from colo_harness.proxy.wire import Packet, Wire

NETDEV = "n0"
"""That the filters are on; a bench whose frames have virtio-net headers brings it along (`colo_harness.proxy.tap`)."""
CHECKPOINT = "xen-colo-do-checkpoint"
"""Tells filters what a checkpoint of a pair tells them (net/colo-compare.c, colo_notify_filters_event)."""
_WIRES = {
    "f1": ("tx", "indev", "client_in"),
    "f2": ("rx", "outdev", "client_out"),
    "f3": ("tx", "outdev", "guest_out"),
    "f4": ("rx", "indev", "guest_in"),
}
"""filter-redirectors in order: queue, and the property for a port."""


class Rewriter:
    """The filter-rewriter `rew0` of a netdev, among redirectors to our ports.

    The ports are "client_in" and "guest_out", "guest_in" and "client_out". `header` is the length of the netdev's
    virtio-net headers; frames that are given without one get one that is all zero. Raises Lacking, CommandError,
    MonitorLost, WaitTimeout.
    """

    def __init__(self, bench: Bench, *, header: int = 0) -> None:
        self.bench = bench
        self._header = bytes(header)
        self._vnet: Mapping[str, Any] = {"vnet_hdr_support": True} if header else {}
        self._barriers = 0
        if not header:
            self._make_netdev()
        self._client = self._port("client_in", "c")
        self._guest = self._port("guest_in", "g")
        self._to_guest = self._port("guest_out", "?")
        self._to_client = self._port("client_out", "?")
        for name, (queue, end, chardev) in _WIRES.items():
            place = {"netdev": NETDEV, "queue": queue, end: chardev}
            bench.make("filter-redirector", name, {**place, **self._vnet})
        self.add()
        bench.connect(self._client, self._guest, self._to_guest, self._to_client)

    def _make_netdev(self) -> None:
        """Make a netdev with a peer, as filters want it, and with nothing behind but hubs that take what comes.

        A hub takes nothing unless it has another port; and filter-rewriter, unlike other filters, passes nothing on
        while the peer takes nothing (net/queue.c, qemu_net_queue_send).
        """
        for name, hub, peer in ((NETDEV, 0, {}), ("n1", 1, {"netdev": NETDEV}), ("n2", 0, {}), ("n3", 1, {})):
            self.bench.qemu.execute("netdev_add", {"type": "hubport", "id": name, "hubid": hub, **peer})

    def _port(self, name: str, letter: str) -> Port:
        vnet = bool(self._header)
        return self.bench.port(name, letter=letter, inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))

    def add(self) -> None:
        """Add the object, between the filters that bring frames and those that take them away."""
        place = {"insert": "before", "position": "id=f3"}
        self.bench.make("filter-rewriter", "rew0", {"netdev": NETDEV, "queue": "all", **place, **self._vnet})

    def remove(self) -> None:
        """Delete the object; netdev, redirectors and ports stay."""
        self.bench.remove("rew0")

    def switch(self, status: str) -> None:
        """Turn the object `on` or `off`."""
        self._switch("rew0", status)
        self.bench.history.record("phase", NAME, "switched", status=status)

    def _switch(self, name: str, status: str) -> None:
        self.bench.qemu.execute("qom-set", {"path": f"/objects/{name}", "property": "status", "value": status})

    def client(self, *frames: bytes | Packet | Said) -> None:
        """Let the client send frames to the guest."""
        for frame in frames:
            self._put(self._client, frame)

    def guest(self, *frames: bytes | Packet | Said) -> None:
        """Let the secondary's guest send frames to the client."""
        for frame in frames:
            self._put(self._guest, frame)

    def _put(self, port: Port, frame: bytes | Packet | Said) -> None:
        if isinstance(frame, Said):
            header = self._header if frame.header is None else frame.header
            port.put(Packet(frame.sent, header), due=frame.due.hex())
        else:
            port.put(frame if isinstance(frame, Packet) else Packet(frame, self._header))

    @contextmanager
    def unseen(self) -> Iterator["Rewriter"]:
        """Let what comes out inside the block be passed over."""
        self._to_guest.mute = self._to_client.mute = True
        try:
            yield self
        finally:
            self._to_guest.mute = self._to_client.mute = False

    def flood(self, *, client: Iterable[bytes] = (), guest: Iterable[bytes] = ()) -> None:
        """Let both send frames that are too many for the history, and settle; for use while nothing is `unseen`."""
        for port, frames in ((self._client, client), (self._guest, guest)):
            port.flood(Packet(frame, self._header) for frame in frames)
        self._pass_barriers()

    def settle(self) -> None:
        """Return once all that was sent has come out; ends a step of the history: "settled", or "unsettled"."""
        passed = self._pass_barriers()
        self.bench.history.record("phase", NAME, "settled" if passed else "unsettled")

    def _pass_barriers(self) -> bool:
        """Return whether barriers that were sent now have come out.

        Behind a NIC that nobody drives, filter-rewriter keeps the client's segments until the guest sends one.
        """
        passed = self._pass(self._client, self._guest)
        if self._header:
            return passed and self._pass(self._guest, tcp=True) and self._pass(self._client, self._guest)
        return passed

    def _pass(self, *ports: Port, tcp: bool = False) -> bool:
        self._barriers += 1
        for port in ports:
            port.put_barrier(Packet(barrier(self._barriers, tcp=tcp), self._header))
        outs = [self._to_client if port is self._guest else self._to_guest for port in ports]
        return self.bench.pump(lambda: all(port.passed >= self._barriers for port in outs), self.bench.timeouts.command)

    def open(self, *sessions: Session) -> None:
        """Let the client open sessions."""
        self.client(*(session.client(seq=0, flags="S") for session in sessions))
        self.settle()
        self.guest(*(session.guest(seq=0, flags="SA") for session in sessions))
        self.settle()
        self.client(*(session.client(flags="A") for session in sessions))
        self.settle()

    def exchange(self, *sessions: Session, seq: int = 1, payload: bytes = b"payload") -> None:
        """Let the client ask and the guest answer in sessions, from this relative number on, and the client thank."""
        size = len(payload)
        self.client(*(session.client(payload, seq=seq, ack=seq) for session in sessions))
        self.settle()
        self.guest(*(session.guest(payload, seq=seq, ack=seq + size) for session in sessions))
        self.settle()
        self.client(*(session.client(seq=seq + size, ack=seq + size, flags="A") for session in sessions))
        self.settle()

    @contextmanager
    def standing_still(self) -> Iterator["Rewriter"]:
        """Stop the VM inside the block, as a checkpoint does."""
        self.command_vm("stop")
        try:
            yield self
        finally:
            self.command_vm("cont")

    def command_vm(self, command: str) -> None:
        """Let the VM `stop` or go on (`cont`)."""
        self.bench.qemu.execute(command)
        self.bench.history.record("phase", NAME, "commanded", command=command)

    def survive(self, primary: Primary) -> None:
        """Lose the primary. QEMU turns redirectors off at failover, which here are no more than our wires."""
        primary.lose()
        for name in _WIRES:
            self._switch(name, "on")

    def can_checkpoint(self) -> None:
        """Raise Lacking where the QEMU cannot tell its filters of a checkpoint without a pair."""
        if CHECKPOINT not in {each["name"] for each in self.bench.qemu.execute("query-commands")}:
            raise Lacking(CHECKPOINT)

    def checkpoint(self) -> None:
        """Tell the filters that a checkpoint is done."""
        self.bench.tell(CHECKPOINT)
        self.bench.history.record("phase", NAME, "checkpointed")
