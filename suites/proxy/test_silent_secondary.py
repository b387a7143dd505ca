"""A secondary whose guest says nothing: how long it holds up the primary's answers."""

from typing import Literal

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.judge.lockstep import SilenceBounded
from colo_harness.judge.sessions import nothing_lost
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

SCAN_MS = 250
MARGIN = 1.0
"""Seconds that the forced checkpoint and the way back may take on a busy machine."""


def timeout_of(milliseconds: int) -> pytest.MarkDecorator:
    """Set compare_timeout and no checkpoint of its own accord."""
    return pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=milliseconds, scan_cycle_ms=SCAN_MS)


@pytest.mark.claim("PROXY-4")
@pytest.mark.parametrize(
    ("transport", "timeout"),
    [
        pytest.param("udp", 0.5, marks=timeout_of(500)),
        pytest.param("udp", 2.5, marks=timeout_of(2500)),
        pytest.param("tcp", 0.5, marks=timeout_of(500)),
    ],
)
@control(sabotage="patient-compare", checker="silence_bounded")
def test_silence_holds_an_answer_up_no_longer_than_the_timeout(
    pair: ColoPair, client: Client, check: Check, transport: Literal["tcp", "udp"], timeout: float
) -> None:
    """While the secondary's guest stands still, an answer waits for compare_timeout and one scan, and no longer."""
    limit = timeout + SCAN_MS / 1000 + MARGIN
    pair.checkpoint()
    with client.differ(transport=transport, timeout=limit + 0.5) as session, pair.watching():
        session.ask(512, at=-1)
        pair.vm(Role.SECONDARY).execute("stop")
        session.ask(512, at=-1)

    check(SilenceBounded(limit, what="differ", held_s=0.8 * timeout), nothing_lost)
