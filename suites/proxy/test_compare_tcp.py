"""colo-compare and TCP: payload by sequence number, whatever the segmentation."""

import pytest

from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from fixtures.claims import control
from fixtures.pair import Check


@pytest.mark.claim("CMP-1")
@control(sabotage="frames-swapped", checker="saw")
@control(sabotage="frame-doubled", checker="saw")
@control(sabotage="frame-dropped", checker="saw")
@control(sabotage="byte-changed", checker="saw")
@control(sabotage="checksum-stale", checker="saw")
@control(sabotage="inputs-crossed", checker="saw")
@control(sabotage="secondary-altered", checker="saw")
def test_what_is_alike_comes_out_once(compare: Compare, check: Check) -> None:
    """Of two equal segments the primary's comes out, once and in order, as soon as both are there; nobody is asked."""
    flow = Flow()
    first, second = flow.tcp(bytes(1440)), flow.tcp(b"second", seq=2440)
    compare.primary(first, second)
    compare.settle()
    compare.secondary(flow.changed(ident=7).tcp(bytes(1440)), flow.changed(ident=8).tcp(b"second", seq=2440))
    compare.settle()

    check(Saw(("", "p1 p2")))


@pytest.mark.claim("CMP-2")
@control(sabotage="checkpoint-unasked", checker="saw")
@control(sabotage="checkpoint-untold", checker="saw")
def test_what_differs_is_held_until_the_checkpoint(compare: Compare, check: Check) -> None:
    """A difference asks for a checkpoint; what was held comes out after it, once, in order, and it is forgotten."""
    flow = Flow()
    compare.primary(flow.tcp(b"AAAA"), flow.tcp(b"BBBB", seq=1004))
    compare.secondary(flow.tcp(b"AAAX"))
    compare.settle()
    compare.checkpoint()
    compare.primary(flow.tcp(b"CCCC", seq=1008))
    compare.secondary(flow.tcp(b"CCCC", seq=1008))
    compare.settle()

    check(Saw(("ask", "p1 p2", "p3")))
