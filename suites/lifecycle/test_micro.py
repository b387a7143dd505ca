"""Checkpoints of a bare-metal guest, which runs also under a KVM that is too poor for Linux."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.sessions import nothing_lost
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from fixtures.claims import control
from fixtures.pair import Check, micro_on_kvm


@micro_on_kvm
@pytest.mark.release
@pytest.mark.topology(guest="micro", checkpoint_delay_ms=500)
@pytest.mark.claim("LIFE-3")
@control(sabotage="no-checkpoints", checker="checkpoints_go_on", on="tcg")
def test_checkpoints_go_on_under_datagrams(pair: ColoPair, client: Client, check: Check) -> None:
    """Checkpoints stop and resume both sides while datagrams are answered, and both guests make progress after each."""
    with pair.watching(), Crowd(client.datagrams()):
        pair.let_checkpoints_come(4)

    check(CheckpointsGoOn(at_least=3), nothing_lost)
