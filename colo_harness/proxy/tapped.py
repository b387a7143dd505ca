"""A netdev that is a tap behind a virtio-net card: its frames have a virtio-net header, of 10 or of 12 bytes.

There is no guest: what a driver would say to the card, the monitor says.
"""

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colo_harness.history import History
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.wire import RECEIVING, SENDING, make_room
from colo_harness.proxy.bench import NAME, Bench, Benchroom
from colo_harness.proxy.netdev import GUEST, NETDEV, Netdev, Rounds
from colo_harness.proxy.port import Meddler, Port
from colo_harness.proxy.sabotage import SOUND, Sabotage
from colo_harness.proxy.tap import SLOT, tapped
from colo_harness.proxy.wire import Packet, Wire

GUEST_IN = "guest-in"
"""The name of the port by which the guest's frames go in."""
TO_GUEST, FROM_GUEST = "to-guest", "from-guest"
"""The filters that stand for the guest."""
MTU = 65_521
"""Of the tap; with the Ethernet header the largest frame."""
_EVERY = 3  # linux/if_ether.h, ETH_P_ALL
_BUFFER = 1 << 23
_LARGEST = 1 << 17
# PCI's configuration mechanism 1, and the legacy interface of a virtio device (Virtio 1.0, 4.1.4.8)
_ADDRESS, _DATA, _BAR0, _COMMAND, _IO = 0xCF8, 0xCFC, 0x10, 0x04, 0xC000
_FEATURES = _IO + 4
_MERGEABLE = 1 << 15  # VIRTIO_NET_F_MRG_RXBUF: a header of 12 bytes in place of 10


@contextmanager
def on_a_tap(
    room: Benchroom, folder: Path, history: History, header: int, sabotage: Sabotage = SOUND
) -> Iterator["Tapped"]:
    """Yield a netdev of this length of header, on a bench of its own. Raises MachineError, and what both raise."""
    with (
        tapped(folder, NETDEV) as (options, namespace),
        Bench(room, folder, history, sabotage, options=options, namespace=namespace) as bench,
    ):
        yield Tapped(bench, namespace, header)


class Tap(Port):
    """The other side of the tap; the kernel adds and takes off virtio-net headers, all zero, of `header` bytes."""

    def __init__(self, namespace: Namespace, history: History, header: int, meddler: Meddler) -> None:
        self._namespace = namespace
        self._header = bytes(header)
        self._frames: deque[bytes] = deque()
        wire = Wire()  # which nothing travels on
        super().__init__(NETDEV, Path(NETDEV), history, letter="n", inward=wire, outward=wire, meddler=meddler)

    def connect(self) -> None:
        """Listen on the link."""
        self._socket.bind((NETDEV, _EVERY))
        self._socket.settimeout(0)
        self.ended = False

    @property
    def busy(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._frames)

    def put(self, packet: Packet, **told: str) -> str:
        """Record the packet, with the header that the kernel will add, and let it wait to be sent; return its name."""
        return super().put(Packet(packet.frame, self._header), **told)

    def send(self) -> None:
        """Send as many frames as the link takes."""
        while self._frames:
            try:
                self._socket.send(self._frames[0])
            except BlockingIOError:
                return
            self._frames.popleft()

    def receive(self) -> None:
        """Take in and record what has come out."""
        while True:
            try:
                frame = self._socket.recv(_LARGEST)
            except BlockingIOError:
                return
            self.taken += len(frame)
            self._take(Packet(frame, self._header))

    def _open(self) -> socket.socket:
        opened = self._namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
        make_room(opened, _BUFFER, SENDING, RECEIVING)
        return opened

    def _queue(self, packet: Packet) -> None:
        self._frames.append(packet.frame)


class Tapped(Netdev):
    """The netdev "net" where it is a tap; `header` is the length that the card asks of its virtio-net header: 10 or 12.

    Where the guest would be there are two filter-redirectors: what comes to the tail of the list on queue tx comes out
    at `guest`, what goes in at `guest_in` begins there on queue rx. Raises Lacking, CommandError, MonitorLost.
    """

    def __init__(self, bench: Bench, namespace: Namespace, header: int) -> None:
        self.bench = bench
        self.header = header
        bench.history.record("phase", NAME, "netdev", header=header)
        self._program_card()
        namespace.ip(f"link set {NETDEV} mtu {MTU} up")
        net = Tap(namespace, bench.history, header, bench.meddler(NETDEV))
        bench.adopt(net)
        net.connect()
        self.net = net
        self._rounds = Rounds(bench)
        wires = {"inward": Wire(vnet=True), "outward": Wire(vnet=True)}
        self.guest = bench.port(GUEST, letter="-", **wires)
        self.guest_in = bench.port(GUEST_IN, letter="g", **wires)
        bench.connect(self.guest, self.guest_in)
        told = {"netdev": NETDEV, "vnet_hdr_support": True}
        bench.make("filter-redirector", TO_GUEST, {"queue": "tx", "outdev": GUEST, **told})
        bench.make("filter-redirector", FROM_GUEST, {"queue": "rx", "indev": GUEST_IN, **told})

    def sends(self, *frames: bytes) -> None:
        """Let the guest send frames to the world."""
        for frame in frames:
            self.guest_in.put(Packet(frame, bytes(self.header)))

    def filter(self, kind: str, name: str, **properties: object) -> None:
        """Put a filter-`kind` on the netdev, before those that stand for the guest. Raises Lacking, CommandError."""
        super().filter(kind, name, **{"position": f"id={TO_GUEST}", "insert": "before", **properties})

    def _program_card(self) -> None:
        """Give the card its registers, and say as a driver would which header it wants."""
        device = 0x80000000 | SLOT << 11
        self._out(_ADDRESS, device | _BAR0)
        self._out(_DATA, _IO | 1)
        self._out(_ADDRESS, device | _COMMAND)
        self._out(_DATA, 1)
        self._out(_FEATURES, _MERGEABLE if self.header == 12 else 0)  # noqa: PLR2004 - the longer of the two

    def _out(self, port: int, value: int) -> None:
        line = f"o /w {port:#x} {value:#x}"
        self.bench.qemu.execute("human-monitor-command", {"command-line": line})
