"""colo-compare on a bench: what both VMs send goes in, what a client may see comes out."""

from collections.abc import Iterable, Mapping
from typing import Any

from colo_harness.errors import WaitTimeout
from colo_harness.proxy.barrier import barrier
from colo_harness.proxy.bench import NAME, Bench
from colo_harness.proxy.wire import Packet, Wire

# net/colo-compare.c: what it says on notify_dev, and what it understands there
ASK, DONE = b"DO_CHECKPOINT", b"COLO_CHECKPOINT"
HELLO, WELCOME = b"COLO_USERSPACE_PROXY_INIT", b"COLO_COMPARE_GET_XEN_INIT"


class Compare:
    """A colo-compare with our ports on its chardevs; `properties` are the object's, beside its chardevs.

    The ports are called as the properties that they serve, with `suffix` behind: "primary_in", "secondary_in",
    "outdev", "notify_dev". Frames that are given without a virtio-net header get one of `header` bytes, all zero.
    Raises Lacking, CommandError, MonitorLost, WaitTimeout.
    """

    def __init__(self, bench: Bench, properties: Mapping[str, Any], *, header: int = 0, suffix: str = "") -> None:
        self.bench = bench
        self.name = f"comp{suffix or 0}"
        self._properties = dict(properties)
        self._suffix = suffix
        self._iothread = f"iothread{suffix or 0}"
        self._barriers = 0
        vnet = bool(self._properties.get("vnet_hdr_support"))
        self._header = bytes(header)
        self.primary_in = bench.port(f"primary_in{suffix}", letter="p", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
        self.secondary_in = bench.port(
            f"secondary_in{suffix}", letter="s", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet)
        )
        self.out = bench.port(f"outdev{suffix}", letter="o", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
        self._notify = bench.port(f"notify_dev{suffix}", letter="n", inward=Wire(vnet=vnet), outward=Wire())
        bench.qemu.execute("object-add", {"qom-type": "iothread", "id": self._iothread})
        self.add()
        bench.connect(self.primary_in, self.secondary_in, self.out, self._notify)

    def elsewhere(self, bench: Bench) -> "Compare":
        """Return another one with these properties, on another bench."""
        return Compare(bench, self._properties, header=len(self._header), suffix=self._suffix)

    def add(self) -> None:
        """Add the object."""
        chardevs = {name: name + self._suffix for name in ("primary_in", "secondary_in", "outdev", "notify_dev")}
        self.bench.make("colo-compare", self.name, {"iothread": self._iothread, **chardevs, **self._properties})

    def remove(self) -> None:
        """Delete the object; chardevs and ports stay."""
        self.bench.remove(self.name)

    def forget(self) -> None:
        """Forget what has gone in and come out; QEMU does not."""
        for port in (self.primary_in, self.secondary_in, self.out, self._notify):
            port.forget()

    def primary(self, *frames: bytes | Packet) -> None:
        """Let the primary send frames."""
        for frame in frames:
            self.primary_in.put(self._packet(frame))

    def secondary(self, *frames: bytes | Packet) -> None:
        """Let the secondary send frames."""
        for frame in frames:
            self.secondary_in.put(self._packet(frame))

    def flood(self, frames: Iterable[bytes]) -> None:
        """Let the primary send frames that are too many for the history."""
        self.primary_in.flood(map(self._packet, frames))

    def flood_alike(self, frames: Iterable[bytes]) -> None:
        """Let both send the same frames, which are too many for the history."""
        packets = [self._packet(frame) for frame in frames]
        for port in (self.primary_in, self.secondary_in):
            port.flood(packets)

    def sent(self) -> bool:
        """Wait until QEMU's sockets have taken all that was sent; tell whether they have."""
        idle = lambda: not (self.primary_in.busy or self.secondary_in.busy)  # noqa: E731 - a name for what it tells
        return self.bench.pump(idle, self.bench.timeouts.command)

    def settle(self) -> None:
        """Return once all that was sent has been decided; ends a step of the history: "settled", or "unsettled".

        A pair of equal frames of a private flow is sent behind all others, and comes out behind what they brought out.
        Raises WaitTimeout where it does not, although QEMU lives.
        """
        self._barriers += 1
        packet = self._packet(barrier(self._barriers))
        self.primary_in.put_barrier(packet)
        self.secondary_in.put_barrier(packet)
        patience = self.bench.timeouts.step
        passed = self.bench.pump(lambda: self.out.passed >= self._barriers, patience)
        self.bench.history.record("phase", NAME, "settled" if passed else "unsettled", object=self.name)
        if not passed and self.bench.qemu.process.alive:
            why = self.bench.qemu.why_lost()
            raise WaitTimeout(f"waited {patience:g} s for a pair of equal frames to come out; last seen: {why}")

    def checkpoint(self) -> None:
        """Tell colo-compare that a checkpoint is done, and settle."""
        self.tell_done()
        self.settle()

    def tell_done(self) -> None:
        """Tell colo-compare that a checkpoint is done; returns once it has heard."""
        heard = len(self._notify.came)
        for text in (DONE, HELLO):  # the answer to the second tells that the first has been taken in
            self._notify.put(Packet(text))
        welcomed = lambda: any(said.frame == WELCOME for said in self._notify.came[heard:])  # noqa: E731 - as above
        self.bench.pump(welcomed, self.bench.timeouts.command)

    def await_asks(self, count: int = 1, *, timeout: float) -> bool:
        """Wait until a checkpoint is asked for `count` times more, or for `timeout` seconds; tell whether it was."""
        heard = len(self._notify.came)
        asked = lambda: sum(said.frame == ASK for said in self._notify.came[heard:]) >= count  # noqa: E731 - as above
        return self.bench.pump(asked, timeout)

    def _packet(self, frame: bytes | Packet) -> Packet:
        return frame if isinstance(frame, Packet) else Packet(frame, self._header)
