"""What may disturb a cluster manager: a heartbeat network that is cut or bad, a machine that has no time for it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.machine.detour import Detour
from colo_harness.machine.process import Process
from colo_harness.wait import wait_until

_BITES_WITHIN = 10.0
_SPIN = ["sh", "-c", "while :; do :; done"]
_TICKS = 13
"""Field of /proc/PID/stat, counted from 0: time in user mode (proc(5))."""


@dataclass(frozen=True)
class BeatsCut:
    """The heartbeat network is cut, while both hosts and all other networks live."""

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return "beats-cut"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Take a port of its switch down. Raises WaitTimeout."""
        network = pair.network
        network.switch.ip("link set beat_a down")
        try:
            wait_until("the heartbeat network to be cut", lambda: not network.host_a.passes("hb0"), timeout=5)
            yield {}
        finally:
            network.switch.ip("link set beat_a up")
            wait_until("the heartbeat network to be whole", lambda: network.host_a.passes("hb0"), timeout=5)


@dataclass(frozen=True)
class Jitter:
    """Each beat comes up to `late_s` seconds late, so that they overtake one another; a share of `lost` never comes."""

    late_s: float = 0.5
    lost: float = 0.3
    seed: int = 1

    allows = ()

    def __str__(self) -> str:
        return f"jitter-{self.late_s:g}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Lead the heartbeat network through a detour, and enter once that has carried and lost beats."""
        switch, ports = pair.network.switch, ("beat_a", "beat_b")
        switch.ip(*(f"link set {port} nomaster" for port in ports))
        try:
            with Detour(switch, ports, late_s=self.late_s, lost=self.lost, seed=self.seed) as detour:
                wait_until(f"{self} to bite", lambda: detour.carried > 0 and detour.dropped > 0, timeout=_BITES_WITHIN)
                bite: Bite = {"seed": self.seed}
                yield bite
                bite.update(carried=detour.carried, dropped=detour.dropped, latest_s=round(detour.latest_s, 3))
        finally:
            switch.ip(*(f"link set {port} master heartbeat" for port in ports))


@dataclass(frozen=True)
class Busy:
    """So many programs for each processor do nothing but compute."""

    each: int = 2

    allows = ()

    def __str__(self) -> str:
        return f"busy-{self.each}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Start them, and enter once each has had time of a processor. Raises WaitTimeout."""
        folder, guardian = pair.files["host_a"].folder.parent, pair.lab.around.guardian
        with ExitStack() as spinning:
            crowd = [
                spinning.enter_context(Process(_SPIN, name=f"spin-{number}", log_dir=folder, guardian=guardian))
                for number in range(self.each * (os.cpu_count() or 1))
            ]
            wait_until(f"{self} to bite", lambda: all(map(_spent, crowd)), timeout=_BITES_WITHIN)
            bite: Bite = {"programs": len(crowd)}
            yield bite
            bite["ticks"] = sum(map(_spent, crowd))


def _spent(process: Process) -> int:
    """Return how much time of a processor a program has had, in clock ticks."""
    return int(Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").split()[_TICKS])
