"""A guest that is restored is the guest that was booted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.history import Entry, History
from colo_harness.machine.network import Network
from colo_harness.qemu.topology import Topology
from colo_harness.settings import Accel
from colo_harness.traffic.client import Client

OF_THE_RUN = ("op", "local_port", "port")
"""What an operation's data holds of this run and not of the guest."""


def _answers(lab: Lab, topology: Topology, folder: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what a pair's guest answers to one of everything, without times and operation numbers."""
    folder.mkdir()
    with Network() as network, History() as history, ColoPair(topology, lab, network, history, folder) as pair:
        pair.start()
        with Client(network.client, history, seed=1, timeout=30) as client:
            for session in (client.echo(), client.http(), client.counter(), client.log()):
                session.exchange(3)
            client.log().block(0)
        return [_plain(entry) for entry in history if entry.kind == "op" and entry.data["type"] != "invoke"]


def _plain(entry: Entry) -> tuple[str, str, dict[str, Any]]:
    return entry.who, entry.what, {key: value for key, value in entry.data.items() if key not in OF_THE_RUN}


def test_warm_and_cold_guests_answer_alike(lab: Lab, accel: Accel, tmp_path: Path) -> None:
    """A pair that starts from saved state and one that boots answer every service alike."""
    topology = Topology(accel=accel)
    cold = replace(lab, settings=replace(lab.settings, cold_boot=True))

    warm_answers = _answers(lab, topology, tmp_path / "warm")
    assert {what for _, what, _ in warm_answers} >= {"echo", "http", "counter-add", "append", "block"}
    assert all(data["type"] == "ok" for _, _, data in warm_answers)
    assert _answers(cold, topology, tmp_path / "cold") == warm_answers
