"""colo-compare and many connections: what tells them apart, and how many there may be."""

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from fixtures.claims import control
from fixtures.pair import Check

TABLE = 16_384
"""Connections that are tracked at once (net/colo.h, HASHTABLE_MAX_SIZE)."""
AT_ONCE = 64
"""Flows whose frames are sent before they are let settle; few enough that no socket is full."""
OTHERS = {"guest": "10.0.0.9", "peer": "10.0.0.9", "guest_port": 81, "peer_port": 40001}
PATIENT = pytest.mark.compare(compare_timeout=3_600_000)


def flow(number: int) -> Flow:
    """Return the flow of this number."""
    return Flow(peer=f"10.1.{number >> 8}.{number & 255}")


def names(count: int, *, after: int = 0) -> str:
    """Return the names of so many of the primary's frames."""
    return " ".join(f"p{after + number}" for number in range(1, count + 1))


def hold_and_match(compare: Compare, count: int) -> list[str]:
    """Let a frame of each of `count` flows be held, then its twin come; return what is to be seen."""
    steps = []
    for start in range(0, count, AT_ONCE):
        compare.primary(*(flow(number).udp(b"held") for number in range(start, min(start + AT_ONCE, count))))
        compare.settle()
        steps.append("")
    for start in range(0, count, AT_ONCE):
        flows = range(start, min(start + AT_ONCE, count))
        compare.secondary(*(flow(number).udp(b"held") for number in flows))
        compare.settle()
        steps.append(names(len(flows), after=start))
    return steps


@pytest.mark.claim("CMP-17")
@pytest.mark.parametrize("element", [*OTHERS])
@control(sabotage="secondary-readdressed", checker="saw", on="guest")
@control(sabotage="secondary-mute", checker="saw", on="peer_port")
def test_each_element_tells_connections_apart(compare: Compare, check: Check, element: str) -> None:
    """Frames of connections that differ in one address or port only never stand for each other."""
    one, other = Flow(), Flow().changed(**{element: OTHERS[element]})
    compare.primary(one.tcp(b"alike"))
    compare.secondary(other.tcp(b"alike"))
    compare.settle()
    compare.secondary(one.tcp(b"alike"))
    compare.settle()
    compare.primary(other.tcp(b"alike"))
    compare.settle()

    check(Saw(("", "p1", "p2")))


@pytest.mark.claim("CMP-17")
@control(sabotage="frame-dropped", checker="saw")
def test_the_protocol_tells_connections_apart(compare: Compare, check: Check) -> None:
    """A datagram with the same ports but of another protocol never stands for one."""
    flow = Flow()
    body = flow.udp(b"alike")[34:]
    compare.primary(flow.packet(17, body))
    compare.secondary(flow.packet(136, body))
    compare.settle()
    compare.secondary(flow.packet(17, body))
    compare.settle()

    check(Saw(("", "p1")))


@pytest.mark.claim("CMP-18")
@control(sabotage="checkpoint-untold", checker="saw")
@control(sabotage="frame-dropped", checker="saw")
def test_connections_do_not_disturb_each_other(compare: Compare, check: Check) -> None:
    """While one stream is held for a difference, others go on unasked, also to the same peer."""
    held, busy = Flow(), Flow(peer_port=5)
    compare.primary(held.tcp(b"AAAA"))
    compare.secondary(held.tcp(b"XXXX"))
    compare.settle()
    compare.primary(busy.tcp(b"one"), Flow().udp(b"two"), busy.tcp(b"three", seq=1003))
    compare.secondary(busy.tcp(b"one"), Flow().udp(b"two"), busy.tcp(b"three", seq=1003))
    compare.settle()
    compare.checkpoint()

    check(Saw(("ask", "p2 p3 p4", "p1")))


@PATIENT
@pytest.mark.claim("CMP-19")
@pytest.mark.parametrize("count", [256, 1000, 4096, TABLE - 1])
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="secondary-mute", checker="saw")
def test_many_sessions_may_be_held(compare: Compare, check: Check, count: int) -> None:
    """Frames of so many sessions at once are held, and each comes out when its twin comes."""
    steps = hold_and_match(compare, count)

    check(Saw(tuple(steps)))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0040-full-table.md")
@PATIENT
@pytest.mark.claim("CMP-19")
@pytest.mark.regression("connection hashtable full")
def test_one_session_more_costs_no_other_its_frames(compare: Compare, check: Check) -> None:
    """What is held of other sessions comes out after one session more was seen than the table has room for."""
    compare.primary(Flow().udp(b"held"))
    compare.settle()
    steps = [""]
    for start in range(0, TABLE + AT_ONCE, AT_ONCE):
        flows = range(start, start + AT_ONCE)
        compare.primary(*(flow(number).udp(b"gone") for number in flows))
        compare.secondary(*(flow(number).udp(b"gone") for number in flows))
        compare.settle()
        steps.append(names(AT_ONCE, after=start + 1))
    compare.secondary(Flow().udp(b"held"))
    compare.settle()

    check(Saw((*steps, "p1")))


@pytest.mark.claim("CMP-20")
@control(sabotage="checkpoint-untold", checker="saw")
def test_a_checkpoint_is_a_new_start(compare: Compare, check: Check) -> None:
    """Nothing that either side said before a checkpoint stands for, or against, what is said after it."""
    flow = Flow()
    compare.secondary(flow.udp(b"alike"), flow.tcp(b"stale"))
    compare.settle()
    compare.checkpoint()
    compare.primary(flow.udp(b"alike"))
    compare.settle()
    compare.secondary(flow.udp(b"alike"))
    compare.primary(flow.tcp(b"fresh"))
    compare.secondary(flow.tcp(b"fresh"))
    compare.settle()

    check(Saw(("", "", "", "p1 p2")))
