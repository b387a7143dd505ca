"""colo-compare on the bench: what both VMs send goes in, what a client may see comes out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from colo_harness.history import History
from colo_harness.proxy.barrier import barrier
from colo_harness.proxy.bench import NAME, Bench, Benchroom
from colo_harness.proxy.sabotage import SOUND, Sabotage
from colo_harness.proxy.wire import Packet, Wire

# net/colo-compare.c: what it says on notify_dev, and what it understands there
ASK, DONE = b"DO_CHECKPOINT", b"COLO_CHECKPOINT"
HELLO, WELCOME = b"COLO_USERSPACE_PROXY_INIT", b"COLO_COMPARE_GET_XEN_INIT"


class CompareBench(Bench):
    """A colo-compare with our ports on its chardevs; `properties` are the object's, beside its chardevs.

    With `vnet_hdr_support`, frames that are given without a virtio-net header get one of `header` bytes, all zero.
    Raises Lacking, LaunchFailure, CommandError.
    """

    def __init__(
        self,
        room: Benchroom,
        folder: Path,
        history: History,
        sabotage: Sabotage = SOUND,
        *,
        properties: Mapping[str, Any] | None = None,
        header: int = 12,
    ) -> None:
        super().__init__(room, folder, history, sabotage)
        self._properties = dict(properties or {})
        vnet = bool(self._properties.get("vnet_hdr_support"))
        self._header = bytes(header if vnet else 0)
        self._barriers = 0
        try:
            self._primary = self.port("primary_in", letter="p", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
            self._secondary = self.port("secondary_in", letter="s", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
            self.out = self.port("outdev", letter="o", inward=Wire(vnet=vnet), outward=Wire(vnet=vnet))
            self._notify = self.port("notify_dev", letter="n", inward=Wire(vnet=vnet), outward=Wire())
            self.qemu.execute("object-add", {"qom-type": "iothread", "id": "iothread1"})
            self.add()
            self.connect(self._primary, self._secondary, self.out, self._notify)
        except BaseException:
            self.__exit__()
            raise

    def add(self) -> None:
        """Add the colo-compare `comp0`."""
        chardevs = {name: name for name in ("primary_in", "secondary_in", "outdev", "notify_dev")}
        self.make("colo-compare", "comp0", {"iothread": "iothread1", **chardevs, **self._properties})

    def primary(self, *frames: bytes | Packet) -> None:
        """Let the primary send frames."""
        for frame in frames:
            self._primary.put(self._packet(frame))

    def secondary(self, *frames: bytes | Packet) -> None:
        """Let the secondary send frames."""
        for frame in frames:
            self._secondary.put(self._packet(frame))

    def settle(self) -> None:
        """Return once all that was sent has been decided; ends a step of the history: "settled", or "unsettled".

        A pair of equal frames of a private flow is sent behind all others, and comes out behind what they brought out.
        """
        self._barriers += 1
        packet = self._packet(barrier(self._barriers))
        self._primary.put_barrier(packet)
        self._secondary.put_barrier(packet)
        passed = self.pump(lambda: self.out.passed >= self._barriers, self.timeouts.command)
        self.history.record("phase", NAME, "settled" if passed else "unsettled")

    def checkpoint(self) -> None:
        """Tell colo-compare that a checkpoint is done, and settle."""
        heard = len(self._notify.came)
        for text in (DONE, HELLO):  # the answer to the second tells that the first has been taken in
            self._notify.put(Packet(text))
        self.pump(lambda: any(said.frame == WELCOME for said in self._notify.came[heard:]), self.timeouts.command)
        self.settle()

    def await_ask(self, *, timeout: float) -> bool:
        """Wait up to `timeout` seconds until a checkpoint is asked for once more; tell whether it was."""
        heard = len(self._notify.came)
        return self.pump(lambda: any(said.frame == ASK for said in self._notify.came[heard:]), timeout)

    def _packet(self, frame: bytes | Packet) -> Packet:
        return frame if isinstance(frame, Packet) else Packet(frame, self._header)
