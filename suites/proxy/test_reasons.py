"""Why a pair takes its checkpoints: `colo explain` finds a reason for each."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.history import History
from colo_harness.judge.reasons import ForcedBy
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check

PATIENT = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=8000, scan_cycle_ms=250)


@PATIENT
@pytest.mark.claim("WHY-1")
@control(sabotage="hasty-checkpoints", checker="forced_by")
def test_each_checkpoint_has_its_reason(
    wiretap: Wiretap, pair: ColoPair, client: Client, history: History, check: Check
) -> None:
    """Three answers that differ force a checkpoint each, by the byte that differs; many that are alike force none."""
    pair.checkpoint()
    asked = [("tcp", 100), ("udp", 200), ("icmp", 300)]
    with pair.watching():
        with Crowd([client.echo(), client.http(), client.udp_echo(), client.ping()]) as crowd:
            crowd.work(1)
        client.differ(transport="tcp").ask(512, at=100)
        client.differ(transport="udp", timeout=10).ask(512, at=200)
        client.differ(transport="icmp", timeout=10).ask(512, at=300)
    wiretap.record(history)

    check(ForcedBy(tuple(f"payload {transport} {at}" for transport, at in asked)))
