"""Delivery: what colo-compare lets go is what the primary's guest sent, once, and in its order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import messages
from colo_harness.judge.explanation import recorded
from colo_harness.judge.packets import Heard, Packet, parse
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide


@dataclass(frozen=True)
class _Passage:
    """A frame's way: as which one it came from the primary, and as which one and when it went out, if it did."""

    number: int
    came: Heard
    packet: Packet
    place: int = -1
    left: float | None = None


@dataclass(frozen=True)
class DeliveredInOrder(Parametrised):
    """Each frame of `protocol` that goes out is the primary's, goes out once, and no flow's frame overtakes another.

    What came before a checkpoint was committed goes out. A TCP segment may overtake those behind it in the stream.
    Unless a checkpoint let go `held` frames, the run does not show that anything was held. Read from the frames of
    colo-compare's streams.
    """

    protocol: str
    held: int = 1
    host: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        passages, breaches = self._follow(list(recorded(entries)))
        flows: dict[object, list[_Passage]] = {}
        for one in passages:
            flows.setdefault(one.packet.flow, []).append(one)
        for flow in flows.values():
            breaches += _disorder(flow)
        commits = [one.at for one in messages(entries, self.host) if (one.direction, one.name) == _COMMIT]
        breaches += [
            Breach(f"a frame of {one.packet.flow} was not let go by the checkpoint", one.came.at, (one.came.line,))
            for one in passages
            if one.left is None and any(one.came.at < at for at in commits)
        ]
        held = sum(any(one.came.at < at <= (one.left or 0) for at in commits) for one in passages)
        doubts = (
            [] if held >= self.held else [f"{held} frames were held for a checkpoint, {self.held} should have been"]
        )
        gone = sum(one.left is not None for one in passages)
        return decide(breaches, doubts, f"{gone} frames went out once and in order, {held} of them by a checkpoint")

    def _follow(self, frames: Sequence[Heard]) -> tuple[list[_Passage], list[Breach]]:
        """Find each frame that went out among those that the primary sent."""
        passages: list[_Passage] = []
        breaches: list[Breach] = []
        waiting: dict[bytes, list[int]] = {}
        for place, heard in enumerate(frames):
            packet = parse(heard.frame)
            if packet is None or packet.flow.protocol != self.protocol or heard.ear == "secondary_in":
                continue
            if heard.ear == "primary_in":
                waiting.setdefault(heard.frame, []).append(len(passages))
                passages.append(_Passage(len(passages), heard, packet))
            elif numbers := waiting.get(heard.frame):
                came = passages[number := numbers.pop(0)]
                passages[number] = _Passage(number, came.came, packet, place, heard.at)
            else:
                how = "doubled" if heard.frame in waiting else "not from the primary"
                breaches.append(Breach(f"a frame of {packet.flow} went out {how}", heard.at, (heard.line,)))
        return passages, breaches


_COMMIT = ("receive", "vmstate-received")


def _disorder(flow: Sequence[_Passage]) -> Iterator[Breach]:
    """Yield where a frame went out behind one that came after it."""
    out = sorted((one for one in flow if one.left is not None), key=lambda one: one.place)
    for place, one in enumerate(out):
        ahead = [other for other in out[:place] if other.number > one.number]
        wrong = next((other for other in ahead if not _may_overtake(other.packet, one.packet)), None)
        if wrong:
            later = f"{wrong.came.at - one.came.at:.3f} s later"
            text = f"a frame of {one.packet.flow} was overtaken by one that came {later}"
            yield Breach(text, one.left, (one.came.line, wrong.came.line))


def _may_overtake(ahead: Packet, other: Packet) -> bool:
    """Say whether a segment belongs before another one in their stream."""
    return ahead.flow.protocol == "tcp" and (other.seq - ahead.seq) % (1 << 32) < 1 << 31
