"""The model of the comparison: each rule says yes to what the documents allow, and no to its opposite."""

from collections.abc import Sequence

import pytest

from colo_harness.judge.comparing import Comparison
from colo_harness.judge.dissecting import Segment, dissect
from colo_harness.proxy.flow import ARP, VLAN, Flow, ethernet

F, TOP = Flow(), (1 << 32) - 2
AB, CD, ABCD, BC = F.tcp(b"ab"), F.tcp(b"cd", seq=1002), F.tcp(b"abcd"), F.tcp(b"bc", seq=1001)
AX, XX = F.tcp(b"aX"), F.tcp(b"XX", seq=1002)
ACK, AHEAD = F.tcp(ack=1, flags="A"), F.tcp(b"ab", ack=9)
U1, U2, U3 = F.udp(b"one"), F.udp(b"two"), F.udp(b"three")
PASSING = ethernet(bytes(46), ARP)

Step = tuple[str, bytes, str]
"""Who sends ("p1", "s", "checkpoint"), what, and what comes out: names, and "ask"."""

CASES: dict[str, tuple[Sequence[Step], str]] = {
    "alike": ([("p1", AB, ""), ("s", AB, "p1")], ""),
    "alike, secondary first": ([("s", AB, ""), ("p1", AB, "p1")], ""),
    "kept back": ([("p1", AB, ""), ("s", AB, "")], "p1 was kept back"),
    "unsaid": ([("p1", AB, "p1")], "2 of its 2 bytes were not said"),
    "said in part": ([("p1", ABCD, ""), ("s", AB, "p1")], "2 of its 4 bytes were not said"),
    "cut otherwise": ([("p1", AB, ""), ("p2", CD, ""), ("s", ABCD, "p1 p2")], ""),
    "cut in more": ([("p1", ABCD, ""), ("s", AB, ""), ("s", CD, "p1")], ""),
    "overlapping": ([("p1", ABCD, ""), ("s", AB, ""), ("s", BC, ""), ("s", CD, "p1")], ""),
    "swapped": ([("p1", AB, ""), ("p2", CD, ""), ("s", ABCD, "p2 p1")], "p2 and p1 came out swapped"),
    "put in order": ([("p1", CD, ""), ("p2", AB, ""), ("s", ABCD, "p2 p1")], ""),
    "not put in order": ([("p1", CD, ""), ("p2", AB, ""), ("s", ABCD, "p1 p2")], ""),
    "numbers begin elsewhere": (
        [
            ("p1", F.tcp(seq=7, flags="SA"), ""),
            ("s", F.tcp(seq=1 << 31, flags="SA"), "p1"),
            ("p2", F.tcp(b"a", seq=8), ""),
        ],
        "",
    ),
    "opened alone": ([("p1", F.tcp(seq=7, flags="SA"), "p1")], "1 of its 1 bytes were not said"),
    "the secondary's": ([("p1", AB, ""), ("s", AB, "s1")], "s1 came out, which the secondary sent"),
    "differs": ([("p1", AB, ""), ("s", AX, "ask")], ""),
    "differs, asked twice": ([("p1", AB, ""), ("s", AX, "ask"), ("s", AX, "ask")], ""),
    "differs, not asked": ([("p1", AB, ""), ("s", AX, "")], "no checkpoint was asked for, but p1 differs"),
    "differs, comes out": ([("p1", AB, ""), ("s", AX, "p1 ask")], "another byte, 1 before its end"),
    "behind a difference": (
        [("p1", AB, ""), ("s", AX, "ask"), ("p2", CD, ""), ("s", CD, "p2")],
        "the secondary has said another byte, 3 before its end",
    ),
    "asked without cause": ([("p1", AB, ""), ("s", AB, "p1 ask")], "asked for without cause"),
    "asked for a lone one": ([("p1", AB, "ask")], "asked for without cause"),
    "held till the checkpoint": ([("p1", AB, ""), ("s", AX, "ask"), ("checkpoint", b"", "p1")], ""),
    "dropped at the checkpoint": ([("p1", AB, ""), ("checkpoint", b"", "")], "no checkpoint brought it out"),
    "swapped at the checkpoint": ([("p1", AB, ""), ("p2", CD, ""), ("checkpoint", b"", "p2 p1")], "p2 and p1"),
    "void after the checkpoint": (
        [("s", AB, ""), ("checkpoint", b"", ""), ("p1", AB, "p1")],
        "2 of its 2 bytes were not said",
    ),
    "harmless after the checkpoint": (
        [("s", XX, ""), ("checkpoint", b"", ""), ("p1", AB, ""), ("s", ABCD, "p1"), ("p2", CD, "p2")],
        "",
    ),
    "a copy repeats": ([("p1", AB, ""), ("checkpoint", b"", "p1"), ("p2", AB, "p2")], ""),
    "a copy need not": ([("p1", AB, ""), ("checkpoint", b"", "p1"), ("p2", AB, "")], ""),
    "repeated": ([("p1", AB, ""), ("s", AB, "p1"), ("p2", AB, ""), ("s", AB, "p2")], ""),
    "repeated, kept back": ([("p1", AB, ""), ("s", AB, "p1"), ("p2", AB, ""), ("s", AB, "")], "p2 was kept back"),
    "repeated, overtakes": (
        [("p1", AB, ""), ("s", AB, "p1"), ("p2", CD, ""), ("p3", AB, "p3")],
        "p3 and p2 came out swapped",
    ),
    "acknowledges": ([("p1", ACK, ""), ("s", ACK, "p1")], ""),
    "acknowledges at once": ([("s", ACK, ""), ("p1", ACK, "p1")], ""),
    "acknowledges later": ([("s", ACK, ""), ("p1", ACK, ""), ("s", AB, "p1")], ""),
    "acknowledges, kept back": ([("p1", ACK, ""), ("s", AB, "")], "p1 was kept back"),
    "acknowledges alone": ([("p1", ACK, "p1")], "acknowledges what the secondary has not"),
    "acknowledges ahead": ([("p1", AHEAD, ""), ("s", AB, "p1")], "acknowledges what the secondary has not"),
    "acknowledges ahead, held": ([("p1", AHEAD, ""), ("s", AB, ""), ("s", AHEAD, "p1")], ""),
    "acknowledges ahead, asked": ([("p1", AHEAD, ""), ("s", AB, "ask")], ""),
    "ends": ([("s", F.tcp(b"ab", flags="FA"), ""), ("p1", F.tcp(b"ab", flags="FA"), "p1")], ""),
    "ends alone": (
        [("s", ABCD, ""), ("p1", F.tcp(b"ab", flags="FA"), "p1 ask")],
        "the secondary has said another byte, 1 before its end",
    ),
    "numbers wrap": (
        [
            ("p1", F.tcp(b"abcd", seq=TOP, ack=TOP), ""),
            ("s", F.tcp(b"ab", seq=TOP, ack=2), ""),
            ("s", F.tcp(b"cd", seq=0, ack=2), "p1"),
        ],
        "",
    ),
    "datagrams": ([("p1", U1, ""), ("p2", U2, ""), ("s", U1, "p1"), ("s", U2, "p2")], ""),
    "a datagram's header": ([("p1", U1, ""), ("s", F.changed(ident=7, ttl=3).udp(b"one"), "p1")], ""),
    "another protocol's header": (
        [("p1", F.packet(47, b"one"), ""), ("s", F.changed(ident=7).packet(47, b"one"), "")],
        "no checkpoint was asked for, but p1 differs",
    ),
    "datagrams swapped": ([("p1", U1, ""), ("p2", U2, ""), ("s", U2, "p2")], "p2 and p1 came out swapped"),
    "a datagram differs": ([("p1", U1, ""), ("s", U2, "ask")], ""),
    "a datagram differs, not asked": ([("p1", U1, ""), ("s", U2, "")], "no checkpoint was asked for, but p1 differs"),
    "a datagram comes later": ([("s", U2, ""), ("s", U1, ""), ("p1", U1, "p1"), ("p2", U2, "p2")], ""),
    "a datagram comes later, asked": ([("s", U2, ""), ("s", U1, ""), ("p1", U1, "ask")], ""),
    "datagrams after the checkpoint": (
        [("s", U1, ""), ("checkpoint", b"", ""), ("p1", U1, "p1")],
        "none that is alike",
    ),
    "another flow": ([("p1", AB, ""), ("s", F.changed(peer_port=5).tcp(b"aX"), "")], ""),
    "another peer": (
        [("p1", F.icmp(b"x"), ""), ("s", F.changed(peer="10.0.0.3").icmp(b"x"), "p1")],
        "none that is alike",
    ),
    "passes": ([("p1", PASSING, "p1")], ""),
    "does not pass": ([("p1", PASSING, "")], "p1 was dropped: it did not pass at once"),
    "passes from the secondary": ([("s", PASSING, "s1")], "s1 came out, which the secondary sent"),
}


def faults_of(steps: Sequence[Step]) -> list[str]:
    """Play steps to the model, and return what it finds wrong."""
    model, faults = Comparison(), []
    for who, frame, came in steps:
        if who == "checkpoint":
            model.checkpoint()
        elif who == "s":
            model.secondary(frame)
        else:
            model.primary(who, frame)
        names = came.split()
        faults += model.answer([name for name in names if name != "ask"], asked="ask" in names)
    return faults


@pytest.mark.parametrize("name", CASES)
def test_a_rule_says_yes_and_no(name: str) -> None:
    """Nothing is wrong with what the documents allow; of anything else the first fault is told in words."""
    steps, fault = CASES[name]
    faults = faults_of(steps)
    assert fault in faults[0] if fault else faults == []


@pytest.mark.parametrize(
    ("frame", "segment"),
    [
        (F.tcp(b"ab", seq=7, ack=9, options=b"\1\1\1\1"), Segment(7, 9, tuple(b"ab"))),
        (F.changed(options=b"\1\1\1\1").tcp(b"ab", seq=7, ack=9) + bytes(6), Segment(7, 9, tuple(b"ab"))),
        (F.tcp(seq=7, flags="S"), Segment(7, None, ("SYN",))),
        (F.tcp(b"a", seq=7, ack=9, flags="FA"), Segment(7, 9, (97, "FIN"))),
        (F.tcp(seq=7, flags="R"), Segment(7, None, ("RST",))),
    ],
)
def test_a_segment_is_taken_apart(frame: bytes, segment: Segment) -> None:
    """Into words at sequence numbers, without options and padding."""
    assert dissect(frame).segment == segment


def test_streams_are_told_apart() -> None:
    """By protocol, addresses and ports; what is no IPv4 is in none."""
    flows = [
        F,
        F.changed(guest="10.0.0.9"),
        F.changed(peer="10.0.0.9"),
        F.changed(guest_port=1),
        F.changed(peer_port=1),
    ]
    frames = [flow.tcp() for flow in flows] + [flow.udp() for flow in flows] + [flow.icmp() for flow in flows[:3]]
    assert len({dissect(frame).stream for frame in frames}) == len(frames)
    assert dissect(PASSING).stream is dissect(ethernet(bytes(60), VLAN)).stream is dissect(b"").stream is None
