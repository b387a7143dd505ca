"""colo-compare where generated traffic, or a reading of its source, found it to differ from its model."""

from collections.abc import Callable

import pytest

from colo_harness.judge.documented import as_documented
from colo_harness.judge.judgement import Violation
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow, ethernet
from fixtures.pair import Check

pytestmark = pytest.mark.compare(compare_timeout=3_600_000)

LAST = (1 << 32) - 1
"""The highest sequence number."""
GRE, EXPERIMENTAL = 47, 0x88B5
Making = Callable[[Flow, bytes], bytes]


def step_by_step(compare: Compare, *frames: tuple[str, bytes]) -> None:
    """Let the VM that is named first send a frame, once all before is decided."""
    for side, frame in frames:
        (compare.primary if side == "p" else compare.secondary)(frame)
        compare.settle()


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0025-highest-acknowledgement.md")
@pytest.mark.claim("CMP-8")
@pytest.mark.regression("e29bc931e1")
def test_acknowledgements_wrap(compare: Compare, check: Check) -> None:
    """Past 2^32 too, data that acknowledge what the secondary has not acknowledged are held."""
    flow = Flow()
    step_by_step(
        compare,
        ("p", flow.tcp(b"a", ack=LAST)),
        ("s", flow.tcp(b"a", ack=LAST)),
        ("p", flow.tcp(b"bc", seq=1001, ack=5)),
        ("s", flow.tcp(b"bcde", seq=1001, ack=LAST)),
        ("s", flow.tcp(seq=1005, ack=5, flags="A")),
    )

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0025-highest-acknowledgement.md")
@pytest.mark.claim("CMP-8")
def test_the_highest_acknowledgement_counts(compare: Compare, check: Check) -> None:
    """What the secondary has acknowledged stays so when an older segment of it comes late."""
    flow = Flow()
    step_by_step(
        compare,
        ("p", flow.tcp(b"a")),
        ("s", flow.tcp(b"a")),
        ("s", flow.tcp(seq=1001, ack=500, flags="A")),
        ("s", flow.tcp(b"bcde", seq=1001, ack=400)),
        ("p", flow.tcp(b"bc", seq=1001, ack=500)),
    )

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0026-newest-first.md")
@pytest.mark.claim("CMP-11")
@pytest.mark.parametrize(
    "make",
    [Flow.udp, Flow.icmp, lambda flow, text: flow.packet(GRE, text)],
    ids=["udp", "icmp", "gre"],
)
def test_datagrams_that_are_alike_stay_in_order(compare: Compare, check: Check, make: Making) -> None:
    """Two datagrams that wait for their twins come out in order, unasked, as these come."""
    one, two = make(Flow(), b"one"), make(Flow(), b"two")
    step_by_step(compare, ("p", one), ("p", two), ("s", one), ("s", two))

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0026-newest-first.md")
@pytest.mark.claim("CMP-2")
def test_a_checkpoint_brings_datagrams_out_in_order(compare: Compare, check: Check) -> None:
    """Datagrams that are held come out in the order of sending when a checkpoint is done."""
    step_by_step(compare, ("p", Flow().udp(b"one")), ("p", Flow().udp(b"two")), ("p", Flow().udp(b"three")))
    compare.checkpoint()

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0027-backlog-reversed.md")
@pytest.mark.claim("CMP-15")
def test_what_nobody_read_comes_out_in_order(compare: Compare, check: Check) -> None:
    """What was released while nobody read outdev comes out in the order of release."""
    with compare.bench.stalled(compare.out):
        compare.primary(*(ethernet(bytes([number]) * 20_000, EXPERIMENTAL) for number in range(40)))
        compare.sent()
    compare.settle()
    compare.settle()

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0028-behind-the-checkpoint.md")
@pytest.mark.claim("CMP-20")
def test_what_a_checkpoint_brought_out_is_done_with(compare: Compare, check: Check) -> None:
    """A segment of the secondary that a checkpoint has overtaken, or that is sent again, disturbs nothing."""
    flow = Flow()
    step_by_step(compare, ("p", flow.tcp(b"ab")))
    compare.checkpoint()
    step_by_step(
        compare,
        ("s", flow.tcp(b"ab")),
        ("p", flow.tcp(b"cd", seq=1002)),
        ("s", flow.tcp(b"cd", seq=1002)),
    )

    check(as_documented)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0029-number-zero.md")
@pytest.mark.claim("CMP-7")
def test_a_retransmission_before_number_zero_is_one(compare: Compare, check: Check) -> None:
    """What is sent again asks for nothing, also if it ends where sequence numbers begin anew."""
    flow = Flow()
    step_by_step(
        compare,
        ("p", flow.tcp(b"ab", seq=LAST - 1)),
        ("s", flow.tcp(b"ab", seq=LAST - 1)),
        ("s", flow.tcp(b"ab", seq=LAST - 1)),
        ("p", flow.tcp(b"cd", seq=0)),
        ("s", flow.tcp(b"cd", seq=0)),
    )

    check(as_documented)
