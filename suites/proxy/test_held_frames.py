"""What colo-compare holds for a checkpoint, and lets go when that has been committed."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.history import History
from colo_harness.judge.delivery import DeliveredInOrder
from colo_harness.judge.judgement import Violation
from colo_harness.judge.lockstep import DivergenceForces, SilenceBounded
from colo_harness.judge.reasons import ForcedBy
from colo_harness.judge.sessions import nothing_lost
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

HASTY = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250)
UNAIDED = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250, offloads=False)
"""The guest cuts what it sends into segments itself."""
LIMIT = 2.0
"""Seconds that an answer may take that waits for compare_timeout, one scan and the checkpoint, on a busy machine."""


@UNAIDED
@pytest.mark.claim("PROXY-7")
@control(sabotage="doubled-frames", checker="delivered_in_order")
@control(sabotage="swapped-frames", checker="delivered_in_order")
def test_held_segments_go_out_in_order(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, check: Check
) -> None:
    """Segments in a row wait for a secondary that stands still; the checkpoint lets them go once and as they came."""
    pair.checkpoint()
    with client.differ() as session, pair.watching():
        session.ask(1, at=-1)
        pair.vm(Role.SECONDARY).execute("stop")
        session.ask(12_000, at=0)
    wiretap.record(history)

    check(DeliveredInOrder("tcp", held=8), DivergenceForces(), nothing_lost)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0026-newest-first.md")
@HASTY
@pytest.mark.claim("PROXY-7")
@control(sabotage="doubled-frames", checker="delivered_in_order")
def test_held_datagrams_go_out_in_order(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, check: Check
) -> None:
    """Eight answers in a row wait for a secondary that stands still; the checkpoint lets them go as they came."""
    pair.checkpoint()
    with client.burst() as session, pair.watching():
        session.exchange(1)
        pair.vm(Role.SECONDARY).execute("stop")
        session.ask(8)
    wiretap.record(history)

    check(DeliveredInOrder("udp", held=8), SilenceBounded(LIMIT, what="burst", held_s=0.4))


@HASTY
@pytest.mark.claim("PROXY-8")
@pytest.mark.parametrize(("alone", "missing"), [(Role.PRIMARY, "f1"), (Role.SECONDARY, "redire1")], ids=str)
@control(sabotage="patient-compare", checker="forced_by")
def test_a_frame_of_one_side_alone_forces_a_checkpoint(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, check: Check, alone: Role, missing: str
) -> None:
    """An answer that only one side's guest gives to the comparison forces a checkpoint, and no other follows."""
    pair.checkpoint()
    with client.differ(transport="udp", timeout=LIMIT) as session, pair.watching():
        session.ask(64, at=-1)
        pair.vm(alone.peer).execute("object-del", {"id": missing})
        with pair.settling():
            session.ask(64, at=-1)
        with pair.settling():
            pass  # nothing that could bring another one about
    wiretap.record(history)

    check(ForcedBy((f"timeout udp {alone}",)), SilenceBounded(LIMIT, what="differ"))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0030-asked-twice.md")
@HASTY
@pytest.mark.claim("PROXY-8")
def test_a_late_secondary_forces_one_checkpoint(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, check: Check
) -> None:
    """A secondary that stands still when it is asked forces a checkpoint, which sets it right: no other follows."""
    pair.checkpoint()
    with client.differ(transport="udp", timeout=LIMIT) as session, pair.watching():
        pair.vm(Role.SECONDARY).execute("stop")
        with pair.settling():
            session.ask(64, at=-1)
        with pair.settling():
            pass  # nothing that could bring another one about
    wiretap.record(history)

    check(ForcedBy(("timeout udp primary",)))
