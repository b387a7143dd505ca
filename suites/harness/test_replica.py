"""colo-compare's decisions, found again from frames."""

import pytest

from colo_harness.judge.replica import Dispute, Replica, first_difference
from colo_harness.proxy.flow import Flow

P, S = "primary", "secondary"
Step = tuple[str, bytes]
FLOW = Flow()
tcp, udp, icmp = FLOW.tcp, FLOW.udp, FLOW.icmp
SYN = tcp(b"", seq=999, flags="SA")


def hear(steps: list[Step]) -> tuple[Replica, list[Dispute]]:
    """Let a new replica hear frames, a second apart."""
    replica = Replica()
    found = [replica.hear(float(at), side, frame) for at, (side, frame) in enumerate(steps)]  # type: ignore[arg-type]
    return replica, [dispute for dispute in found if dispute]


def described(dispute: Dispute) -> tuple[object, ...]:
    """Return what a dispute is about."""
    return dispute.quarrel, dispute.offset, dispute.primary, dispute.secondary


AGREE: dict[str, list[Step]] = {
    "one segment": [(P, tcp(b"abc", seq=1)), (S, tcp(b"abc", seq=1))],
    "the secondary first": [(S, tcp(b"abc", seq=1)), (P, tcp(b"abc", seq=1))],
    "cut by the secondary": [(P, tcp(b"abcd", seq=1)), (S, tcp(b"ab", seq=1)), (S, tcp(b"cd", seq=3))],
    "across the wrap": [(P, tcp(b"abcd", seq=-2)), (S, tcp(b"ab", seq=-2)), (S, tcp(b"cd", seq=0))],
    "datagram": [(P, udp(b"abc")), (S, udp(b"abc"))],
    "datagrams in another order": [(S, udp(b"a")), (S, udp(b"b")), (P, udp(b"b"))],
    "an echo reply": [(P, icmp(b"abc")), (S, icmp(b"abc"))],
    "another IP header": [(P, FLOW.packet(47, b"abc")), (S, FLOW.changed(ident=9, ttl=3).packet(47, b"abc"))],
    "what is not IPv4": [(P, bytes(12) + b"\x86\xdd" + bytes(40))],
}


@pytest.mark.parametrize("steps", AGREE.values(), ids=AGREE)
def test_what_is_alike_passes(steps: list[Step]) -> None:
    """One frame of the primary's, without a dispute."""
    replica, disputes = hear(steps)
    assert (replica.passed, replica.held, disputes) == (1, 0, [])


OPENED = [(P, SYN), (S, SYN)]
DIFFER: dict[str, tuple[list[Step], tuple[object, ...]]] = {
    "the first byte of a stream": (
        [*OPENED, (P, tcp(b"Abc", seq=1000)), (S, tcp(b"Bbc", seq=1000))],
        (0, 65, 66),
    ),
    "a stream whose secondary began elsewhere": (
        [(P, SYN), (S, tcp(b"", seq=77, flags="SA")), (P, tcp(b"A", seq=1000)), (S, tcp(b"B", seq=1000))],
        (0, 65, 66),
    ),
    "its last byte": ([*OPENED, (P, tcp(b"abA", seq=1000)), (S, tcp(b"abB", seq=1000))], (2, 65, 66)),
    "a byte of a later segment": (
        [
            *(*OPENED, (P, tcp(b"abcd", seq=1000)), (S, tcp(b"abcd", seq=1000))),
            *((P, tcp(b"xA", seq=1004)), (S, tcp(b"xB", seq=1004))),
        ],
        (5, 65, 66),
    ),
    "beyond what one has": (
        [(P, SYN), (P, tcp(b"abcA", seq=1000)), (S, tcp(b"ab", seq=1000)), (S, tcp(b"cB", seq=1002))],
        (3, 65, 66),
    ),
    "a datagram": ([(P, udp(b"xyA")), (S, udp(b"xyB"))], (2, 65, 66)),
    "the closest of some datagrams": ([(S, udp(b"zzz")), (S, udp(b"xyB")), (P, udp(b"xyA"))], (2, 65, 66)),
    "an echo reply": ([(P, icmp(b"xA")), (S, icmp(b"xB"))], (1, 65, 66)),
    "another kind of message": ([(P, icmp(b"x", kind=0)), (S, icmp(b"x", kind=8))], (-8, 0, 8)),
}


@pytest.mark.parametrize(("steps", "where"), DIFFER.values(), ids=DIFFER)
def test_what_differs_is_named(steps: list[Step], where: tuple[object, ...]) -> None:
    """By its first byte and both values, and held until a checkpoint."""
    replica, disputes = hear(steps)
    assert [described(one) for one in disputes] == [("payload", *where)]
    before = replica.passed
    replica.flush()
    assert (replica.passed - before, replica.held) == (0, 1)
    assert list(replica.waiting()) == []


OTHERWISE: dict[str, tuple[list[Step], str]] = {
    "datagrams of two lengths": ([(P, udp(b"ab")), (S, udp(b"abc"))], "size"),
    "a datagram before the twin of the last one": ([(P, udp(b"one")), (P, udp(b"two")), (S, udp(b"one"))], "order"),
    "segments laid upon each other": ([(P, tcp(b"abcd", seq=1)), (S, tcp(b"cdef", seq=3))], "segmentation"),
    "more is acknowledged than the secondary did": (
        [(S, tcp(b"abcd", seq=1, ack=5)), (P, tcp(b"ab", seq=1, ack=9))],
        "acknowledgement",
    ),
}


@pytest.mark.parametrize(("steps", "quarrel"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_does_not_fit_is_named(steps: list[Step], quarrel: str) -> None:
    """Where no byte differs."""
    assert [dispute.quarrel for dispute in hear(steps)[1]] == [quarrel]


OTHER = {"guest": "10.0.0.3", "peer": "10.0.0.4", "guest_port": 81, "peer_port": 40_001}


def test_flows_are_told_apart() -> None:
    """By each address and each port."""
    others = [FLOW.changed(**{field: value}) for field, value in OTHER.items()]
    replica, disputes = hear([(P, udp(b"a")), *((S, other.udp(b"b")) for other in others)])
    assert (len(list(replica.waiting())), disputes) == (1 + len(others), [])


def test_a_bare_acknowledgement_waits_for_a_segment_of_the_other_side() -> None:
    """And passes as soon as there is one."""
    replica, _ = hear([(P, tcp(b"", seq=1))])
    assert [one.side for one in replica.waiting()] == [P]
    replica.hear(1.0, "secondary", tcp(b"", seq=1))
    assert replica.passed == 1


@pytest.mark.parametrize("at", [0, 1, 749, 1399, 1499])
def test_the_first_difference_is_found(at: int) -> None:
    """Wherever it is, also where one text ends."""
    text = b"a" * 1500
    assert first_difference(text, text) is None
    assert first_difference(text, text[:at] + b"b" + text[at + 1 :]) == at
    assert first_difference(text, text[:at]) == at
