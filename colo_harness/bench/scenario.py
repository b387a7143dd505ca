"""The scenario of a bench: a pair is formed, takes checkpoints, loses its primary under a client, and is resumed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colo_harness.bench.figure import Sample
from colo_harness.bench.work import read_commands, shares, spans
from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import Undecided
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import Entry, History
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import phases
from colo_harness.machine.network import Network
from colo_harness.qemu import accelerator
from colo_harness.qemu.topology import Role, Topology
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd

CHECKPOINTS = 3
CHECKPOINTS_AGAIN = 2
"""So many of the pair that was resumed end a cycle."""
ANSWERS = 10
UNAIDED_MS = 60_000
"""No checkpoint comes of itself, so that those that were asked for are all."""


@dataclass(frozen=True)
class Stretch:
    """From when to when something was done, in seconds of the history."""

    name: str
    start: float
    end: float


def measure(lab: Lab, folder: Path, number: int = 0, losing: bool = True) -> Mapping[str, list[Sample]]:  # noqa: FBT001, FBT002 - a scenario of its own
    """Drive pair `number` and return the samples of each measure by its name. Raises ProductFailure, HarnessError.

    One that is not `losing` its primary ends with its checkpoints.
    """
    folder.mkdir()
    with History(folder / "history.jsonl") as history:
        stretches = _drive(lab, folder, history, losing=losing)
        entries = history.entries
    work = spans(entries, read_commands(folder))
    samples: dict[str, list[Sample]] = {}
    for one in stretches:
        samples.setdefault(one.name, []).append(Sample(one.end - one.start, shares(work, one.start, one.end), number))
    samples["pause"] = [
        Sample(stop.duration, {"checkpoint": stop.duration}, number)
        for stop in pauses(entries, "host_a")[-CHECKPOINTS:]
    ]
    return samples


def _drive(lab: Lab, folder: Path, history: History, *, losing: bool) -> list[Stretch]:
    accel = accelerator.for_linux(lab.settings)
    topology = Topology(accel=accel, checkpoint_delay_ms=UNAIDED_MS, compare_timeout_ms=UNAIDED_MS)
    start = history.now()
    with Network() as network, ColoPair(topology, lab, network, history, folder) as pair:
        pair.start()
        stretches = [Stretch("entry", start, history.now())]
        for _ in range(CHECKPOINTS):
            asked = history.now()
            pair.checkpoint()
            stretches.append(Stretch("checkpoint", asked, history.now()))
        if not losing:
            return stretches
        patience = lab.settings.timeouts.answer
        with Client(network.client, history, seed=lab.settings.seed, timeout=patience) as client:
            _lose_the_primary(pair, client, history)
            stretches.append(_stall(history.entries))
            _resume(pair)
        stretches.append(Stretch("cycle", stretches[-1].start, history.now()))
    return [*stretches, Stretch("scenario", start, history.now())]


def _lose_the_primary(pair: ColoPair, client: Client, history: History) -> None:
    with Nemesis(pair, history) as nemesis, Crowd([client.echo()], pause=0) as crowd:
        crowd.let_answer(ANSWERS)
        nemesis.inject(Kill(Role.PRIMARY))
        pair.failover_to(Role.SECONDARY)
        crowd.let_answer(ANSWERS)


def _resume(pair: ColoPair) -> None:
    pair.resume()
    for _ in range(CHECKPOINTS_AGAIN):
        pair.checkpoint()


def _stall(entries: list[Entry]) -> Stretch:
    """Return the time from the loss to the client's first answer by the survivor. Raises Undecided."""
    lost = next(entry.at for entry in entries if entry.kind == "fault" and entry.data["type"] == "inject")
    promoted = phases(entries, "promoted")[0].at
    answers = (e.at for e in entries if e.kind == "op" and e.data["type"] == "ok" and e.at > promoted)
    back = next(answers, None)
    if back is None:
        raise Undecided("the survivor did not answer the client any more")
    return Stretch("stall", lost, back)
