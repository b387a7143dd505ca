"""A netdev with both its ends in our hands, for the filters that sit on it."""

from colo_harness.errors import WaitTimeout
from colo_harness.proxy.barrier import barrier
from colo_harness.proxy.bench import NAME, Bench
from colo_harness.proxy.listener import Listener
from colo_harness.proxy.plug import Plug
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet, Wire

NETDEV = "net"
"""The id of the netdev that filters sit on, and the name of the port where the world is."""
GUEST = "guest"
"""The name of the port where the guest would be."""
ROUNDS = 1
"""The hub that only rounds go through."""
STANDSTILL = 0.5
"""Seconds in which a QEMU that still takes frames takes a few."""
QUIET, HELD = 3, 40
"""So many rounds without a change tell that all is done, or that QEMU leaves unread what was sent.

A chardev is read by 4 KiB a round (chardev/char-socket.c, CHR_READ_BUF_LEN), and the kernel tells no sooner than when
all of up to 36 KiB that were sent at once have been read (net/unix/af_unix.c, unix_stream_sendmsg).
"""


class Rounds:
    """Tells when QEMU's main loop has gone round: a frame of ours goes through a hub that serves nothing else.

    What was there to be read when a round began has been read when the next one ends. The plugs send a window a round.
    """

    def __init__(self, bench: Bench, *plugs: Plug) -> None:
        self._bench = bench
        self._plugs = plugs
        self._number = 0
        self._in = Plug(bench, "round-in", letter="r", hub=ROUNDS)
        self._out = Plug(bench, "round-out", letter="r", hub=ROUNDS)

    def settle(self) -> None:
        """Return once all that was sent has been worked off; ends a step of the history: "settled", or "unsettled".

        The data of the phase: "held" names the ports where QEMU has left unread what was sent, "halves" has what came
        of frames that are not whole, in hex, by port. Raises WaitTimeout where QEMU lives and does not go round.
        """
        last: list[object] = []
        quiet = 0
        while quiet < (HELD if self._held() else QUIET):
            if not self.go(self._bench.timeouts.step):
                self._give_up()
                return
            now = [*((port.taken, port.unread) for port in self._served()), *(plug.waiting for plug in self._plugs)]
            quiet, last = (quiet + 1 if now == last else 0), [*now]
        halves = {port.name: port.rest.hex() for port in self._served() if port.rest}
        self._bench.history.record("phase", NAME, "settled", held=self._held(), halves=halves)

    def _give_up(self) -> None:
        self._bench.history.record("phase", NAME, "unsettled")
        if self._bench.qemu.process.alive:
            patience, why = self._bench.timeouts.step, self._bench.qemu.why_lost()
            raise WaitTimeout(f"waited {patience:g} s for QEMU's main loop to go round; last seen: {why}")

    def go(self, timeout: float) -> bool:
        """Go one round; tell whether it was over within `timeout` seconds."""
        read = [plug for plug in self._plugs if not plug.unread]
        self._number += 1
        self._in.put_barrier(Packet(barrier(self._number)))
        self._in.grant()
        over = self._bench.pump(lambda: self._out.passed >= self._number, timeout)
        for plug in read if over else ():
            plug.grant()
        return over

    def fill(self) -> None:
        """Go rounds until nothing waits any more, or one does not end."""
        self._bench.history.record("phase", NAME, "filled")
        while self._held() and self.go(STANDSTILL):
            continue

    def _held(self) -> list[str]:
        held = {port.name for port in self._served() if port.unread or port.busy}
        return sorted(held | {plug.name for plug in self._plugs if plug.waiting})

    def _served(self) -> list[Port]:
        return [port for port in self._bench.ports if port not in (self._in, self._out)]


class Netdev:
    """The netdev "net", on which filters sit, with a port at either end.

    A frame that goes in at `net` is sent by the netdev (filters' queue tx) and comes out at `guest`; one that goes in
    at `guest` is sent to the netdev (queue rx) and comes out at `net`. Frames are named n1, n2, … and g1, g2, ….
    Raises Lacking, MonitorLost.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.header = 0
        """The length of the netdev's virtio-net headers, in bytes."""
        bench.history.record("phase", NAME, "netdev", header=self.header)
        net, guest = Plug(bench, NETDEV, letter="n", hub=0), Plug(bench, GUEST, letter="g", hub=0)
        self.net: Port = net
        self.guest: Port = guest
        self._rounds = Rounds(bench, net, guest)

    def receives(self, *frames: bytes) -> None:
        """Let the world send frames to the guest."""
        for frame in frames:
            self.net.put(Packet(frame))

    def sends(self, *frames: bytes) -> None:
        """Let the guest send frames to the world."""
        for frame in frames:
            self.guest.put(Packet(frame))

    def settle(self) -> None:
        """Return once all that was sent has been worked off; ends a step of the history."""
        self._rounds.settle()

    def fill(self) -> None:
        """Send what waits, until QEMU has taken it all or takes no more of it."""
        self._rounds.fill()

    def chardev(self, name: str, *, letter: str = "i", vnet: bool = False, connected: bool = True) -> Port:
        """Make a chardev for a filter, and connect our port to it unless told otherwise."""
        self.bench.history.record("phase", NAME, "chardev", port=name, letter=letter, vnet=vnet)
        port = self.bench.port(name, letter=letter, inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
        if connected:
            self.bench.connect(port)
        return port

    def listener(self, name: str, *, letter: str = "i", vnet: bool = False) -> Port:
        """Make a chardev that connects to our port, and again when that hangs up."""
        self.bench.history.record("phase", NAME, "listener", port=name, letter=letter, vnet=vnet)
        port = Listener(self.bench, name, letter=letter, vnet=vnet)
        self.bench.connect(port)
        return port

    def filter(self, kind: str, name: str, **properties: object) -> None:
        """Put a filter-`kind` on the netdev, as its last one unless told otherwise. Raises Lacking, CommandError."""
        self.bench.make(f"filter-{kind}", name, {"netdev": NETDEV, **properties})
