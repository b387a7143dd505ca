"""What a measurement is made with: the guest, the lab, where to put things, and where figures go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from colo_harness.bench.sheet import Sheet
from colo_harness.bench.solo import Solo
from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.sabotage import SOUND, Sabotage
from colo_harness.machine.network import Network
from colo_harness.manager.duty import Duty
from colo_harness.manager.manager import Heartbeat
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM
from colo_harness.traffic.client import Client

TAKEN_DOWN = ("colo-exit-error", "block-job-error", "quorum-report-bad", "quorum-failure")
"""What the QEMU that is taken down last says of the other one."""


@dataclass
class Gauge:
    """Measures `topology` on pairs that are made and taken down one after the other, each in a folder of its own."""

    sheet: Sheet
    topology: Topology
    lab: Lab
    folder: Path
    broken: Sabotage = SOUND
    asked: int | None = None
    """So many repetitions are made, whatever a measurement thinks right."""
    _counted: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.dice = Random(self.sheet.seed)  # noqa: S311 - to be drawn again

    def repetitions(self, usual: int) -> range:
        """Return the numbers of the repetitions, from 1 on."""
        return range(1, (self.asked or usual) + 1)

    def place(self) -> Path:
        """Return the path of another folder, which is not there yet."""
        return self.folder / f"measured-{next(self._counted)}"

    @contextmanager
    def replicating(self, **wanted: object) -> Iterator[ColoPair]:
        """Yield a pair in COLO, with these fields of its topology. Raises ProductFailure, HarnessError."""
        with self._made(**wanted) as (pair, _):
            pair.start()
            yield pair

    @contextmanager
    def ready(self, **wanted: object) -> Iterator[ColoPair]:
        """Yield a pair that has only to enter COLO."""
        with self._made(**wanted) as (pair, _):
            pair.approach()
            yield pair

    @contextmanager
    def managed(self, **wanted: object) -> Iterator[tuple[ColoPair, Duty]]:
        """Yield a pair that the built-in cluster manager has brought into COLO and watches, and that manager."""
        with self._made(managed=True, **wanted) as (pair, place), Duty(pair, Heartbeat(), place) as duty:
            duty.start()
            yield pair, duty

    @contextmanager
    def _made(self, **wanted: object) -> Iterator[tuple[ColoPair, Path]]:
        (place := self.place()).mkdir()
        topology = replace(self.topology, **wanted)  # type: ignore[arg-type]  # a wrong field is a TypeError
        with (
            Network(topology.nics, heartbeat=topology.managed) as network,
            ColoPair(topology, self.lab, network, self.sheet.history, place, self.broken) as pair,
        ):
            yield pair, place
            pair.history.append("phase", "pair", "end", {"allows": list(TAKEN_DOWN)})

    @contextmanager
    def alone(self) -> Iterator[tuple[Network, VM]]:
        """Yield a VM that runs the guest without COLO, and its network. Raises ProductFailure, HarnessError."""
        (place := self.place()).mkdir()
        with (
            Network(self.topology.nics) as network,
            Solo(self.topology, self.lab, network, self.sheet.history, place) as solo,
        ):
            yield network, solo.vm

    def client(self, pair: ColoPair, *, within: float | None = None) -> Client:
        """Return a client of a pair's guest, which waits for an answer `within` seconds or as long as any."""
        timeouts = self.lab.settings.timeouts
        timeout = within * timeouts.factor if within else timeouts.answer
        return Client(pair.network.client, pair.history, seed=self.lab.settings.seed, timeout=timeout)
