"""colo-compare and what is not TCP: datagrams, other protocols, and what it does not compare at all."""

from collections.abc import Callable

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.seen import Saw
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import ARP, IPV6, VLAN, Flow, ethernet
from fixtures.bench import on_each_wire
from fixtures.claims import control
from fixtures.pair import Check

GRE, UDP, SCTP, UDPLITE = 47, 17, 132, 136
Making = Callable[[Flow, bytes], bytes]

UNCOMPARED: dict[str, Callable[[bytes], bytes]] = {
    "arp": lambda text: ethernet(bytes(20) + text, ARP),
    "ipv6": lambda text: ethernet(b"\x60" + bytes(39) + text, IPV6),
    "vlan": lambda text: ethernet(b"\0\5\x08\0" + Flow().udp(text)[14:], VLAN),
    "lldp": lambda text: ethernet(text * 9, 0x88CC),
}

each_kind = pytest.mark.parametrize(
    "make",
    [
        pytest.param(Flow.udp, id="udp"),
        pytest.param(Flow.icmp, id="icmp"),
        pytest.param(lambda flow, text: flow.packet(GRE, text), id="gre"),
        pytest.param(lambda flow, text: flow.packet(SCTP, b"\0\1\0\2" + text), id="sctp"),
        pytest.param(lambda flow, text: flow.packet(UDPLITE, b"\0\1\0\2" + text), id="udplite"),
    ],
)


@on_each_wire
@each_kind
@pytest.mark.claim("CMP-11")
@control(sabotage="frame-doubled", checker="saw")
@control(sabotage="frame-dropped", checker="saw", on="icmp-vnet-12")
@control(sabotage="secondary-altered", checker="saw", on="gre-plain")
def test_datagrams_that_are_alike_come_out_once(compare: Compare, check: Check, make: Making) -> None:
    """Of two equal datagrams of any protocol the primary's comes out, as soon as both are there, whoever is first."""
    flow = Flow()
    compare.primary(make(flow, b"hello"))
    compare.settle()
    compare.secondary(make(flow, b"hello"), make(flow, b"again"))
    compare.settle()
    compare.primary(make(flow, b"again"))
    compare.settle()

    check(Saw(("", "p1", "p2")))


@on_each_wire
@each_kind
@pytest.mark.claim("CMP-12")
@control(sabotage="checkpoint-unasked", checker="saw")
@control(sabotage="checkpoint-untold", checker="saw", on="udp-vnet-10")
def test_datagrams_that_differ_ask(compare: Compare, check: Check, make: Making) -> None:
    """A datagram that differs in its first byte, its last one or its length asks for a checkpoint and waits for it."""
    flow = Flow()
    compare.primary(make(flow, b"hello"))
    compare.secondary(make(flow, b"Hello"))
    compare.settle()
    compare.checkpoint()
    compare.primary(make(flow, b"hello"))
    compare.secondary(make(flow, b"hellO"))
    compare.settle()
    compare.checkpoint()
    compare.primary(make(flow, b"hello"))
    compare.secondary(make(flow, b"hello!"))
    compare.settle()
    compare.checkpoint()

    check(Saw(("ask", "p1", "ask", "p2", "ask", "p3")))


@on_each_wire
@pytest.mark.claim("CMP-13")
@pytest.mark.parametrize("make", [Flow.udp, Flow.icmp], ids=["udp", "icmp"])
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frame-dropped", checker="saw", on="udp-vnet-10")
def test_the_header_of_datagrams_does_not_count(compare: Compare, check: Check, make: Making) -> None:
    """Identification, type of service, time to live and options of a datagram's IP header may differ."""
    flow = Flow().changed(options=b"\1\1\1\1")
    compare.primary(make(flow, b"one"))
    compare.secondary(make(flow.changed(ident=9, tos=4, ttl=3, options=b"\1\1\1\0"), b"one"))
    compare.settle()

    check(Saw(("p1",)))


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0043-needless-checkpoints.md")
@pytest.mark.claim("CMP-13")
@pytest.mark.parametrize("make", [Flow.udp, Flow.icmp], ids=["udp", "icmp"])
def test_the_length_of_the_header_does_not_count(compare: Compare, check: Check, make: Making) -> None:
    """An IP header with options stands for one without."""
    compare.primary(make(Flow(), b"one"))
    compare.secondary(make(Flow().changed(options=b"\1\1\1\1"), b"one"))
    compare.settle()

    check(Saw(("p1",)))


@pytest.mark.claim("CMP-14")
@control(sabotage="secondary-altered", checker="saw")
def test_other_protocols_are_compared_as_whole_frames(compare: Compare, check: Check) -> None:
    """Of protocols but TCP, UDP and ICMP the header counts: another identification asks for a checkpoint."""
    flow = Flow()
    compare.primary(flow.packet(GRE, b"alike"))
    compare.secondary(flow.packet(GRE, b"alike"))
    compare.settle()
    compare.primary(flow.packet(GRE, b"hello"))
    compare.secondary(flow.changed(ident=9).packet(GRE, b"hello"))
    compare.settle()

    check(Saw(("p1", "ask")))


@pytest.mark.claim("CMP-15")
@pytest.mark.regression("kinds of traffic")
@pytest.mark.parametrize("kind", sorted(UNCOMPARED))
@control(sabotage="inputs-crossed", checker="saw")
@control(sabotage="frame-doubled", checker="saw")
@control(sabotage="frame-dropped", checker="saw", on="vlan")
def test_what_is_not_compared_passes_from_the_primary(compare: Compare, check: Check, kind: str) -> None:
    """What is not plain IPv4 comes out at once, once and as it is from the primary, and never from the secondary."""
    make = UNCOMPARED[kind]
    compare.primary(make(b"primary"))
    compare.settle()
    compare.secondary(make(b"secondary"), make(b"primary"))
    compare.settle()

    check(Saw(("p1", "")))


def fragments(flow: Flow, text: bytes) -> list[bytes]:
    """Return a datagram of 32 bytes of `text` twice, in two fragments."""
    whole = flow.udp(text * 8)[34:]
    return [flow.changed(more=True).packet(UDP, whole[:24]), flow.changed(fragment=3).packet(UDP, whole[24:])]


@pytest.mark.claim("CMP-16")
@pytest.mark.regression("kinds of traffic")
@control(sabotage="secondary-altered", checker="saw")
@control(sabotage="frames-swapped", checker="saw")
def test_fragments_that_are_alike_come_out(compare: Compare, check: Check) -> None:
    """Fragments come out when the secondary sent the same ones; one that differs inside asks for a checkpoint."""
    compare.primary(*fragments(Flow(), b"abcd"))
    compare.settle()
    compare.secondary(*fragments(Flow(), b"abcd"))
    compare.settle()
    other = Flow(peer_port=9)
    compare.primary(*fragments(other, b"abcd"))
    compare.secondary(fragments(other, b"abcd")[0], fragments(other, b"abcd")[1][:-1] + b"X")
    compare.settle()

    check(Saw(("", "p1 p2", "p3 ask")))
