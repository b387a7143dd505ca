"""A wiretap: what colo-compare hears from both guests, and what it lets go, by the streams that carry it.

It listens on the primary's host and disturbs nothing: a black box for any QEMU.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from colo_harness.errors import MachineError
from colo_harness.history import History
from colo_harness.judge.packets import Ear, Heard
from colo_harness.machine.capture import Capture, frames
from colo_harness.machine.conversation import pieces
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.network import Network
from colo_harness.qemu.argv import LOOP_PORT, OUT_PORT, SECOND_PORTS
from colo_harness.qemu.topology import Channel, Host

_STREAMS: dict[tuple[str, int], Ear] = {
    ("source", LOOP_PORT): "primary_in",  # the chardev server compare0 is what redire1 writes into
    ("target", int(Channel.COMPARE)): "secondary_in",
    ("target", OUT_PORT): "outdev",
}
"""Which end of a stream has this port, of the first NIC's colo-compare."""
_HEAD = struct.Struct("!II")
"""Length of the frame with its vnet header, and of that header (net/net.c, net_fill_rstate)."""


class Wiretap:
    """Listens from its making on until `stop`, on the host whose QEMU has the colo-compare; `nic` says which one's.

    Raises MachineError.
    """

    def __init__(self, network: Network, host: Host, path: Path, *, guardian: Guardian, nic: Literal[0, 1] = 0) -> None:
        self._streams = {(end, port + nic * SECOND_PORTS): ear for (end, port), ear in _STREAMS.items()}
        streams = " or ".join(f"tcp port {port}" for _, port in self._streams)
        self._capture = Capture(
            network, path, guardian=guardian, place=network.host(host), ports=("lo", "colo0"), only=streams
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Hear no more; all that was said before is known. Raises MachineError."""
        self._capture.stop()

    def record(self, history: History) -> None:
        """Stop, and record each frame in the history: who is the stream, what is "in" or "out" as colo-compare sees it.

        The data are "hex", the frame. Raises MachineError.
        """
        self.stop()
        for heard in self.heard(history):
            way = "out" if heard.ear == "outdev" else "in"
            history.append("frame", heard.ear, way, {"hex": heard.frame.hex()}, at=heard.at)

    def heard(self, history: History) -> Iterator[Heard]:
        """Yield the frames that were heard, in order; the tap must have been stopped. Raises MachineError."""
        if self._capture.dropped:
            raise MachineError(f"{self._capture.dropped} packets of colo-compare's streams were not captured", _QUIETER)
        rests: dict[Ear, bytes] = {}
        for piece in pieces(frames(self._capture.path)):
            ear = self._streams.get(("source", piece.source[1])) or self._streams.get(("target", piece.target[1]))
            if ear is None:
                continue
            if not piece.begins and ear not in rests:
                raise MachineError("the wiretap missed the beginning", "tap the host before its QEMU starts")
            rest = (b"" if piece.begins else rests[ear]) + piece.content
            while len(rest) >= _HEAD.size:
                size, vnet = _HEAD.unpack_from(rest)
                if len(rest) < _HEAD.size + size:
                    break
                yield Heard(history.when(piece.at), ear, rest[_HEAD.size + vnet : _HEAD.size + size])
                rest = rest[_HEAD.size + size :]
            rests[ear] = rest


_QUIETER = "give the workload less to do, or take a shorter time"
