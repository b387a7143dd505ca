"""Lock-step on the guest's second NIC, which has filters and a colo-compare of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.history import History
from colo_harness.judge.delivery import DeliveredInOrder
from colo_harness.judge.lockstep import DivergenceForces, QuietAfterDivergence, SilenceBounded
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.reasons import ForcedBy
from colo_harness.judge.sessions import nothing_lost
from colo_harness.machine.network import Network
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

PATIENT = pytest.mark.topology(nics=2, checkpoint_delay_ms=60_000, compare_timeout_ms=8000, scan_cycle_ms=250)
HASTY = pytest.mark.topology(nics=2, checkpoint_delay_ms=60_000, compare_timeout_ms=1000, scan_cycle_ms=250)
UNAIDED = pytest.mark.topology(
    nics=2, checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250, offloads=False
)
"""The guest cuts what it sends into segments itself."""
LIMIT = 2.25
"""Seconds: compare_timeout, one scan, and a second for the forced checkpoint on a busy machine."""


@pytest.fixture
def wiretap(network: Network, artifacts: Path, lab: Lab) -> Iterator[Wiretap]:
    """Listen to the streams of the second NIC's colo-compare."""
    guardian = lab.around.guardian
    with Wiretap(network, "host_a", artifacts / "second.pcap", guardian=guardian, nic=1) as wiretap:
        yield wiretap


@HASTY
@pytest.mark.claim("PROXY-1")
@control(sabotage="second-mirror-off", checker="no_forced_checkpoint")
def test_equal_answers_of_both_nics_force_nothing(
    pair: ColoPair, client: Client, second_client: Client, check: Check
) -> None:
    """Sessions by either NIC, opened after a checkpoint, get answers that are alike, and none forces the next one."""
    pair.checkpoint()
    sessions = [client.echo("first-echo"), client.udp_echo("first-udp")]
    sessions += [
        second_client.echo(),
        second_client.http(),
        second_client.counter(),
        second_client.udp_echo(),
        second_client.ping(),
    ]
    with pair.watching(), Crowd(sessions) as crowd:
        crowd.work(1.5)

    check(NoForcedCheckpoint(), nothing_lost)


@PATIENT
@pytest.mark.claim("PROXY-2", "PROXY-3")
@pytest.mark.regression("Check that colo-compare is active")
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@control(sabotage="second-no-compare", checker="divergence_forces")
@control(sabotage="hasty-checkpoints", checker="forced_by")
def test_a_difference_on_the_second_nic_forces_one_checkpoint(
    wiretap: Wiretap,
    pair: ColoPair,
    client: Client,
    second_client: Client,
    history: History,
    check: Check,
    transport: Literal["tcp", "udp"],
) -> None:
    """An answer by the second NIC that differs waits for a checkpoint and is the primary's; none follows of itself."""
    pair.checkpoint()
    others = [client.udp_echo("first-udp"), second_client.udp_echo()]
    with pair.watching():
        with second_client.differ(transport=transport, timeout=10) as session, pair.settling():
            session.ask(512, at=511)
        with Crowd(others) as crowd:
            crowd.work(1)
    wiretap.record(history)

    check(DivergenceForces(), QuietAfterDivergence(), ForcedBy((f"payload {transport} 511",)), nothing_lost)


@HASTY
@pytest.mark.claim("PROXY-4")
@control(sabotage="patient-compare", checker="silence_bounded")
def test_silence_on_the_second_nic_is_bounded(pair: ColoPair, second_client: Client, check: Check) -> None:
    """While the secondary stands still, an answer by the second NIC waits for compare_timeout and one scan."""
    pair.checkpoint()
    with second_client.differ(transport="udp", timeout=LIMIT + 0.5) as session, pair.watching():
        session.ask(512, at=-1)
        pair.vm(Role.SECONDARY).execute("stop")
        session.ask(512, at=-1)

    check(SilenceBounded(LIMIT, what="differ", held_s=0.8), nothing_lost)


@UNAIDED
@pytest.mark.claim("PROXY-7")
@control(sabotage="second-no-compare", checker="divergence_forces")
def test_held_segments_of_the_second_nic_go_out_in_order(
    wiretap: Wiretap, pair: ColoPair, second_client: Client, history: History, check: Check
) -> None:
    """A checkpoint lets go what the second NIC's colo-compare holds, too: once, and in the order of the stream."""
    pair.checkpoint()
    with second_client.differ() as session, pair.watching():
        session.ask(1, at=-1)
        pair.vm(Role.SECONDARY).execute("stop")
        session.ask(12_000, at=0)
    wiretap.record(history)

    check(DeliveredInOrder("tcp", held=8), DivergenceForces(), nothing_lost)


@HASTY
@pytest.mark.claim("PROXY-8")
@pytest.mark.parametrize(("alone", "missing"), [(Role.PRIMARY, "f1-b"), (Role.SECONDARY, "redire1-b")], ids=str)
@control(sabotage="patient-compare", checker="forced_by")
def test_a_frame_of_one_side_alone_forces_a_checkpoint_on_the_second_nic(
    wiretap: Wiretap, pair: ColoPair, second_client: Client, history: History, check: Check, alone: Role, missing: str
) -> None:
    """An answer by the second NIC that only one side's guest gives to its colo-compare forces a checkpoint."""
    pair.checkpoint()
    with second_client.differ(transport="udp", timeout=LIMIT + 0.5) as session, pair.watching():
        session.ask(64, at=-1)
        pair.vm(alone.peer).execute("object-del", {"id": missing})
        with pair.settling():
            session.ask(64, at=-1)
    wiretap.record(history)

    check(ForcedBy((f"timeout udp {alone}",)), SilenceBounded(LIMIT, what="differ"))
