"""The guest's frames: who may send any, and whether TCP's clock in them goes on.

A frame's `who` is the host from which it came into the service network's switch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, phases, promotions
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

_CYCLE = 1 << 32


@dataclass(frozen=True)
class SecondarySilent(Parametrised):
    """Until it is told to fail over, the secondary `host` sends no frame of the guest into the service network."""

    host: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        frames = [entry for entry in entries if entry.kind == "frame"]
        until = min((entry.at for entry in phases(entries, "failover")), default=float("inf"))
        before = [frame for frame in frames if frame.at < until]
        breaches = [
            Breach(f"{self.host} sent a frame ({frame.what}) before its promotion", frame.at, (frame.line,))
            for frame in before
            if frame.who == self.host
        ]
        doubts = [] if any(frame.who != self.host for frame in before) else ["the primary sent no frame either"]
        if promotions(entries) and not any(frame.who == self.host for frame in frames if frame.at >= until):
            doubts.append(f"{self.host} sent no frame after its promotion either")
        doubts += [f"{fault.what} is not proven to have bitten" for fault in faults(entries) if fault.bitten is None]
        doubts += _losses(entries)
        return decide(breaches, doubts, f"{len(before)} frames, none from {self.host}")


@dataclass(frozen=True)
class TimestampsGoOn(Parametrised):
    """Across promotion TSval of each TCP connection runs on as its time does.

    It ticks in milliseconds (Linux); it may run ahead of or behind the time that has passed by `tolerance_s` seconds.
    """

    tolerance_s: float = 2.0

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        promoted = [entry.data.get("host", "") for entry in promotions(entries)]
        stamped = [entry for entry in entries if entry.kind == "frame" and entry.data.get("tsval") is not None]
        crossings = list(_crossings(stamped, promoted[-1])) if promoted else []
        breaches = []
        for last, first in crossings:
            passed = round((first.at - last.at) * 1000)
            jump = _signed(first.data["tsval"] - last.data["tsval"])
            if abs(jump - passed) > self.tolerance_s * 1000:
                values = f"{last.data['tsval']} to {first.data['tsval']}"
                text = f"TSval to port {last.data['peer_port']} went from {values} ({jump:+d}) in {passed} ms"
                breaches.append(Breach(text, first.at, (last.line, first.line)))
        doubts = [] if crossings else ["no TCP connection is seen on both sides of a promotion"]
        return decide(breaches, [*doubts, *_losses(entries)], f"{len(crossings)} connections whose TSval runs on")


def _crossings(stamped: Sequence[Entry], survivor: str) -> Iterator[tuple[Entry, Entry]]:
    """Yield for each connection the last segment of the lost host and the first one of the survivor."""
    last: dict[tuple[int, int], Entry] = {}
    for frame in stamped:
        connection = (frame.data["guest_port"], frame.data["peer_port"])
        if frame.who != survivor:
            last[connection] = frame
        elif connection in last:
            yield last.pop(connection), frame


def _signed(difference: int) -> int:
    """Return a difference of 32-bit counters as RFC 7323 (5.2) compares them: less than half a cycle either way."""
    return (difference + _CYCLE // 2) % _CYCLE - _CYCLE // 2


def _losses(entries: Sequence[Entry]) -> list[str]:
    """Return the doubts that frames which the capture dropped leave."""
    dropped = [entry.data.get("value") for entry in entries if entry.what == "frames-dropped"]
    if not dropped:
        return ["no frames were recorded"]
    return [f"the capture dropped {count} frames" for count in dropped if count]
