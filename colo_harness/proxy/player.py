"""A player: plays scripts to a colo-compare, each on flows of its own, and keeps count of what happened."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Protocol

from colo_harness.proxy.flow import ARP, IPV6, VLAN, Flow, ethernet
from colo_harness.proxy.script import Checkpoint, Happening, Pass, Script, Side
from colo_harness.proxy.talk import DatagramTalk, TcpTalk

GRE = 47
PASSING: dict[str, Callable[[int], bytes]] = {
    "arp": lambda number: ethernet(b"%46d" % number, ARP),
    "ipv6": lambda number: ethernet(b"\x60%45d" % number, IPV6),
    "vlan": lambda number: ethernet(b"\0\5\x08\0%42d" % number, VLAN),
}
"""What is not compared."""
KINDS = (
    *(f"{kind} {side}" for kind in ("said", "repeated", "swapped", "doubled", "lost") for side in Side),
    *(f"{kind} {side}" for kind in ("acknowledged", "finished", "passed") for side in Side),
    *(f"{side} behind" for side in Side),
    *("cut elsewhere", "numbers wrapped", "byte differs", "acknowledged ahead", "checkpoint", "held at a checkpoint"),
    *("udp", "icmp", "gre"),
)
"""What a run of generated scripts has to have made."""
FLOWS = 6
"""Of a script: three of TCP, of which two near the end of the cycle of numbers, then UDP, ICMP and GRE."""


class Stage(Protocol):
    """Where scripts are played: a colo-compare."""

    def primary(self, *frames: bytes) -> None:
        """Let the primary send frames."""

    def secondary(self, *frames: bytes) -> None:
        """Let the secondary send frames."""

    def settle(self) -> None:
        """Return once all that was sent has been decided."""

    def checkpoint(self) -> None:
        """Tell that a checkpoint is done, and settle."""

    def released(self) -> list[bytes]:
        """Return the frames that came out since the last call."""


class Player:
    """One performance of a script; those of different numbers, up to 2^16, have no flow in common."""

    def __init__(self, stage: Stage, tally: Counter[str], number: int = 0) -> None:
        self._stage = stage
        self._tally = tally
        self._passed = 0
        flow = Flow(peer=f"10.1.{number >> 8 & 255}.{number & 255}")
        tcp = [(1000, 1), ((1 << 32) - 6, 5000), ((1 << 31) - 20, (1 << 32) - 6)]
        self._talks: list[TcpTalk | DatagramTalk] = [
            TcpTalk(flow.changed(peer_port=40000 + place), seq, ack, Random(place), tally)  # noqa: S311 - no secret
            for place, (seq, ack) in enumerate(tcp)
        ]
        self._talks += [
            DatagramTalk("udp", flow, Flow.udp, tally),
            DatagramTalk("icmp", flow, Flow.icmp, tally),
            DatagramTalk("gre", flow, lambda flow, text: flow.packet(GRE, text), tally, plain=False),
        ]

    def play(self, script: Script) -> None:
        """Let everything happen, one after the other, each decided before the next; at the end, a checkpoint."""
        for what in (*script, Checkpoint()):
            self._play(what)

    def _play(self, what: Happening) -> None:
        if isinstance(what, Checkpoint):
            self._tally["checkpoint"] += 1
            self._tally["held at a checkpoint"] += any(talk.held for talk in self._talks)
            self._stage.checkpoint()
        elif not self._send(what):
            return
        came = self._stage.released()
        for talk in self._talks:
            talk.settled(came, checkpoint=isinstance(what, Checkpoint))

    def _send(self, what: Happening) -> bool:
        """Send what a happening makes, and settle; tell whether it made anything."""
        if isinstance(what, Checkpoint):
            return False
        frames = self._pass(what) if isinstance(what, Pass) else self._talks[what.flow].frames(what)
        if not frames:
            return False
        side = getattr(what, "side", Side.SECONDARY)
        (self._stage.primary if side == Side.PRIMARY else self._stage.secondary)(*frames)
        self._stage.settle()
        return True

    def _pass(self, what: Pass) -> list[bytes]:
        self._passed += 1
        self._tally[f"passed {what.side}"] += 1
        return [PASSING[what.kind](self._passed)]
