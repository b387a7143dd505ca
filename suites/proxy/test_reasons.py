"""Why a pair takes its checkpoints: `colo explain` finds a reason for each."""

from collections.abc import Callable

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.history import History
from colo_harness.judge.judgement import Violation
from colo_harness.judge.reasons import ForcedBy
from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
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


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0032-let-go-and-forgotten.md")
@pytest.mark.claim("CMP-7")
@pytest.mark.parametrize("repeats", ["primary", "secondary"])
def test_what_a_checkpoint_let_go_may_be_sent_again(compare: Compare, check: Check, repeats: str) -> None:
    """A retransmission, by either side, of a segment that a checkpoint let go does not disturb those behind it."""
    flow = Flow()
    first, then = flow.tcp(b"first"), flow.tcp(b"then", seq=1005)
    compare.primary(first)
    compare.secondary(flow.tcp(b"other"))
    compare.settle()
    compare.checkpoint()
    {"primary": compare.primary, "secondary": compare.secondary}[repeats](first)
    compare.primary(then)
    compare.secondary(then)
    compare.settle()

    check(Saw({"primary": ("ask", "p1", "p2 p3"), "secondary": ("ask", "p1", "p2")}[repeats]))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0033-lagging-datagrams.md")
@pytest.mark.claim("CMP-11")
@pytest.mark.parametrize("make", [Flow.udp, Flow.icmp], ids=["udp", "icmp"])
def test_a_secondary_that_lags_by_a_datagram_asks_for_nothing(
    compare: Compare, check: Check, make: Callable[..., bytes]
) -> None:
    """Each datagram of the primary's comes out when its twin comes, also where another one waits behind it."""
    one, two = make(Flow(), b"one"), make(Flow(), b"two")
    compare.primary(one, two)
    compare.settle()
    compare.secondary(one)
    compare.settle()
    compare.secondary(two)
    compare.settle()

    check(Saw(("", "p1", "p2")))
