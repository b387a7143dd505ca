"""colo-compare and time: what waits for its twin too long forces a checkpoint."""

from collections.abc import Callable

import pytest

from colo_harness.judge.asking import AskedBetween, AsksApart
from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from fixtures.claims import control
from fixtures.pair import Check

Making = Callable[[Flow, bytes], bytes]
SLOW = 3.0
"""Seconds that a busy machine may add."""


def let_each_wait(compare: Compare, frame: bytes, *, times: int) -> None:
    """Let the frame wait for its twin on either side in turn, until it is asked about; end where it is not."""
    for send in (compare.primary, compare.secondary) * times:
        send(frame)
        if not compare.await_asks(timeout=SLOW):
            return
        compare.checkpoint()


@pytest.mark.claim("CMP-21")
@pytest.mark.parametrize(
    ("at_least", "at_most"),
    [
        pytest.param(0.1, 1.4, id="100ms", marks=pytest.mark.compare(compare_timeout=100, expired_scan_cycle=50)),
        pytest.param(
            1.5, 1.5 + SLOW, id="1500ms", marks=pytest.mark.compare(compare_timeout=1500, expired_scan_cycle=50)
        ),
    ],
)
@control(sabotage="comparison-patient", checker="asked_between")
@control(sabotage="comparison-hasty", checker="asked_between", on="1500ms")
def test_compare_timeout_is_honoured(compare: Compare, check: Check, at_least: float, at_most: float) -> None:
    """A frame without its twin asks for a checkpoint after compare_timeout and one scan, and no sooner."""
    compare.primary(Flow().tcp(b"alone"))
    compare.await_asks(timeout=at_most)

    check(AskedBetween(at_least, at_most))


@pytest.mark.claim("CMP-22")
@pytest.mark.parametrize(
    ("at_least", "at_most"),
    [
        pytest.param(0.1, 0.9, id="100ms", marks=pytest.mark.compare(compare_timeout=50, expired_scan_cycle=100)),
        pytest.param(
            1.0, 1.0 + SLOW, id="1000ms", marks=pytest.mark.compare(compare_timeout=50, expired_scan_cycle=1000)
        ),
    ],
)
@control(sabotage="scans-rare", checker="asks_apart")
@control(sabotage="scans-often", checker="asks_apart", on="1000ms")
def test_expired_scan_cycle_is_honoured(compare: Compare, check: Check, at_least: float, at_most: float) -> None:
    """While a frame waits too long, a checkpoint is asked for in each scan, expired_scan_cycle apart."""
    compare.primary(Flow().udp(b"alone"))
    compare.await_asks(3, timeout=3 * at_most)

    check(AsksApart(3, at_least, at_most))


@pytest.mark.compare(compare_timeout=100, expired_scan_cycle=50)
@pytest.mark.claim("CMP-23")
@pytest.mark.parametrize("make", [Flow.tcp, Flow.udp, Flow.icmp], ids=["tcp", "udp", "icmp"])
@control(sabotage="comparison-patient", checker="asked_between")
@control(sabotage="checkpoint-unasked", checker="asked_between", on="udp")
def test_the_scan_goes_on(compare: Compare, check: Check, make: Making) -> None:
    """Each lone frame of either side is asked about, also after many checkpoints: the scan never ends."""
    let_each_wait(compare, make(Flow(), b"alone"), times=3)

    check(AskedBetween(0.1, SLOW))


@pytest.mark.compare(compare_timeout=200, expired_scan_cycle=50)
@pytest.mark.claim("CMP-24")
@control(sabotage="secondary-mute", checker="saw")
def test_nothing_waits_that_was_released(compare: Compare, check: Check) -> None:
    """What came out, and what a checkpoint has cleared away, is never asked about."""
    compare.primary(Flow().tcp(b"alike"))
    compare.secondary(Flow().tcp(b"alike"))
    compare.settle()
    compare.primary(Flow().udp(b"alone"))
    compare.checkpoint()
    compare.await_asks(timeout=0.6)
    compare.settle()

    check(Saw(("p1", "p2", "")))
