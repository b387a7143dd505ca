"""The same traffic through a pair, through the bench and through the model: a client gets what was predicted."""

from pathlib import Path

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.history import History
from colo_harness.judge.checkpoints import messages
from colo_harness.judge.explanation import recorded
from colo_harness.judge.prediction import BENCH, CLIENT, COMMIT, ClientGotAsPredicted
from colo_harness.machine.capture import IPV4, Capture, frames
from colo_harness.machine.network import GUEST_MAC
from colo_harness.proxy.bench import Bench, Benchroom
from colo_harness.proxy.compare import Compare
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=8000, scan_cycle_ms=250, offloads=False)
"""The guest cuts what it sends into segments itself."""


def record_delivered(capture: Capture, history: History) -> None:
    """Record each IPv4 packet of the guest that left the switch for the client."""
    capture.stop()
    for frame in frames(capture.path):
        if (frame.port, frame.direction, frame.source, frame.ethertype) == ("client", "out", GUEST_MAC, IPV4):
            history.append("frame", CLIENT, "out", {"packet": frame.payload.hex()}, at=history.when(frame.at))


def send_through_a_bench(room: Benchroom, folder: Path, history: History) -> None:
    """Give a bare colo-compare what the pair's was given, checkpoints included, and record what it lets out."""
    commits = [one.at for one in messages(history.entries, "host_a") if (one.direction, one.name) == COMMIT]
    given = [(one.at, one) for one in recorded(history.entries) if one.ear != "outdev"]
    folder.mkdir()
    with Bench(room, folder, History()) as bench:
        compare = Compare(bench, {"compare_timeout": 3_600_000})
        for _, heard in sorted([*given, *((at, None) for at in commits)], key=lambda one: one[0]):
            if heard is None:
                compare.checkpoint()
            elif heard.ear == "primary_in":
                compare.primary(heard.frame)
            else:
                compare.secondary(heard.frame)
            compare.settle()
    for packet in compare.out.came:
        history.append("frame", BENCH, "out", {"packet": packet.frame[14:].hex()})


@UNAIDED
@pytest.mark.claim("MODEL-2")
@control(sabotage="doubled-frames", checker="client_got_as_predicted")
def test_a_client_gets_what_is_predicted(
    wiretap: Wiretap,
    pair: ColoPair,
    client: Client,
    capture: Capture,
    history: History,
    room: Benchroom,
    artifacts: Path,
    check: Check,
) -> None:
    """What open sessions get of a pair is what the model of the comparison allows and demands, and the bench says."""
    pair.checkpoint()
    with pair.watching():
        with Crowd([client.echo(), client.counter(), client.udp_echo(), client.ping()]) as crowd:
            crowd.work(1)
        with pair.settling():
            client.differ().ask(512, at=100)
    wiretap.record(history)
    record_delivered(capture, history)
    send_through_a_bench(room, artifacts / "bench", history)

    check(ClientGotAsPredicted(flows=5))
