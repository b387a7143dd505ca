"""filter-rewriter: the secondary's numbers become the primary's, what the client acknowledges the secondary's."""

import random
from functools import partial
from itertools import product

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.rewriting import rewritten
from colo_harness.proxy.flow import ARP, IPV6, VLAN, Flow, Ip, ethernet
from colo_harness.proxy.rewriter import Rewriter
from colo_harness.proxy.session import Said, Session
from colo_harness.settings import Settings
from fixtures.claims import control
from fixtures.pair import Check

CYCLE = 1 << 32
EDGES = (0, 1, CYCLE // 2 - 1, CYCLE // 2, CYCLE - 8, CYCLE - 1)
"""Where 32-bit numbers may go wrong."""
TIMESTAMPS = bytes.fromhex("0101080a0000000100000002")
NOTHING = b"\x01" * 4
"""Four no-operations, in IP as in TCP."""
LENGTHS = (*range(34), 535, 536, 1447, 1448, 1459, 1460)


def edges() -> list[Session]:
    """Return a session for each pair of first sequence numbers at an edge, equal ones included."""
    return [Session(1024 + number, *pair) for number, pair in enumerate(product(EDGES, EDGES))]


def anywhere(seed: object, count: int) -> list[Session]:
    """Return so many sessions with first sequence numbers anywhere."""
    rng = random.Random(str(seed))  # noqa: S311 - no secret
    draw = partial(rng.randrange, CYCLE)
    return [Session(2048 + number, draw(), draw(), draw()) for number in range(count)]


def fragments(frame: bytes) -> tuple[bytes, bytes]:
    """Return the frame of an IPv4 packet without options as two, the first with 48 bytes of payload."""
    head, body = frame[:34], frame[34:]
    source, to, protocol = head[26:30], head[30:34], head[23]
    first, last = Ip(more=True), Ip(fragment=6)
    return (
        head[:14] + first.header(protocol, source, to, 48) + body[:48],
        head[:14] + last.header(protocol, source, to, len(body) - 48) + body[48:],
    )


def say_all_lengths(rewriter: Rewriter, *sessions: Session) -> None:
    """Let both sides say payloads of all lengths, with and without TCP options."""
    for session, length in product(sessions, LENGTHS):
        payload = bytes(number * 37 & 0xFF for number in range(length))
        rewriter.guest(session.guest(payload), session.guest(payload, options=TIMESTAMPS))
        rewriter.client(session.client(payload), session.client(payload, options=(TIMESTAMPS, TIMESTAMPS)))


def others(session: Session) -> list[bytes]:
    """Return frames that are no IPv4 TCP, or no whole header of it, with the addresses and ports of a session."""
    segment, flow = session.guest(b"payload").sent, Flow("10.0.0.1", "10.0.0.2", 80, session.port)
    datagrams = [flow.udp(b"datagram"), flow.icmp(b"ping")]
    of_other_protocols = [flow.packet(number, segment[34:]) for number in (2, 47, 132)]
    of_other_layers = [ethernet(bytes(46), ARP), ethernet(b"\x60" + bytes(60), IPV6), ethernet(segment[12:], VLAN)]
    return [
        *(*datagrams, *of_other_protocols, *of_other_layers),
        *(fragments(session.client(bytes(100)).sent)[1], bytes(14), b"\xff" * 60),
    ]


@pytest.mark.claim("REW-1")
@control(sabotage="rewriting-off", checker="rewritten")
@control(sabotage="frame-dropped", checker="rewritten")
@control(sabotage="frame-doubled", checker="rewritten")
@control(sabotage="frames-swapped", checker="rewritten")
@control(sabotage="byte-changed", checker="rewritten")
@control(sabotage="checksum-stale", checker="rewritten")
def test_numbers_become_the_primarys(rewriter: Rewriter, check: Check, settings: Settings) -> None:
    """Whatever the two first numbers, each side gets the numbers that it knows, beyond 2^32 as well."""
    sessions = [*edges(), *anywhere(settings.seed, 200)]
    rewriter.open(*sessions)
    rewriter.exchange(*sessions)
    rewriter.exchange(*sessions, seq=8, payload=bytes(1400))
    rewriter.exchange(*sessions, seq=70_000)

    check(rewritten)


@pytest.mark.tapped
@pytest.mark.claim("REW-1")
@control(sabotage="rewriting-off", checker="rewritten")
def test_numbers_behind_a_virtio_net_header_too(rewriter: Rewriter, check: Check, settings: Settings) -> None:
    """The same where a virtio-net header is before each frame, which stays as it is."""
    sessions = [*edges(), *anywhere(settings.seed, 20)]
    rewriter.open(*sessions)
    rewriter.exchange(*sessions)

    check(rewritten)


@pytest.mark.claim("REW-2")
@control(sabotage="checksum-stale", checker="rewritten")
def test_checksums_are_right(rewriter: Rewriter, check: Check) -> None:
    """The checksum of what was rewritten is right for payloads of any length, with TCP options, any TOS and TTL."""
    plain = Session()
    marked = Session(40001, ip=Ip(ident=0xFFFF, tos=3, ttl=1))
    rewriter.open(plain, marked)
    say_all_lengths(rewriter, plain, marked)
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0018-wrong-checksums.md")
@pytest.mark.claim("REW-2")
def test_checksums_are_right_behind_ip_options(rewriter: Rewriter, check: Check) -> None:
    """A segment whose IP header has options is rewritten as any other."""
    session = Session(ip=Ip(options=NOTHING))
    rewriter.open(session)
    rewriter.exchange(session)

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0018-wrong-checksums.md")
@pytest.mark.claim("REW-2")
def test_checksums_are_right_in_fragments(rewriter: Rewriter, check: Check) -> None:
    """A segment in fragments comes out as the fragments of the rewritten segment."""
    session = Session()
    rewriter.open(session)
    said = session.guest(bytes(100))
    rewriter.guest(*(Said(*pair) for pair in zip(fragments(said.sent), fragments(said.due), strict=True)))
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0018-wrong-checksums.md")
@pytest.mark.tapped
@pytest.mark.claim("REW-2")
def test_checksums_that_are_left_to_the_receiver_are_right(rewriter: Rewriter, check: Check) -> None:
    """Where the guest leaves the checksum to whoever gets the frame, what he counts is right."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(session.guest(b"payload").left_to_the_receiver())
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-3")
@control(sabotage="last-byte-changed", checker="rewritten")
@control(sabotage="frame-dropped", checker="rewritten")
def test_the_handshake_may_be_repeated(rewriter: Rewriter, check: Check) -> None:
    """Whichever segments of a handshake are sent again, SYN and SYN-ACK pass as they are, and numbers are mapped."""
    session = Session()
    syn, answer = session.client(seq=0, flags="S"), session.guest(seq=0, flags="SA")
    rewriter.client(syn, syn)
    rewriter.settle()
    rewriter.guest(answer)
    rewriter.settle()
    rewriter.client(syn)
    rewriter.settle()
    rewriter.guest(answer, answer)
    rewriter.settle()
    rewriter.client(session.client(flags="A"), session.client(flags="A"))
    rewriter.settle()
    rewriter.exchange(session)

    check(rewritten)


@pytest.mark.claim("REW-4")
@control(sabotage="rewriting-off", checker="rewritten")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_all_else_passes_untouched(rewriter: Rewriter, check: Check) -> None:
    """What is no IPv4 TCP passes as it is, both ways, though its addresses and ports are those of a session."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(*others(session))
    rewriter.client(*others(session))
    rewriter.settle()
    rewriter.exchange(session)

    check(rewritten)


@pytest.mark.claim("REW-4")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_sessions_that_are_alike_pass_untouched(rewriter: Rewriter, check: Check) -> None:
    """A session that was there before, so that both guests have its numbers, passes as it is."""
    session = Session().alike()
    rewriter.exchange(session)

    check(rewritten)


@pytest.mark.claim("REW-5")
@control(sabotage="rewriting-off", checker="rewritten")
def test_resets_are_rewritten(rewriter: Rewriter, check: Check) -> None:
    """A reset that acknowledges is rewritten, so that who gets it believes it."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(session.guest(flags="RA"))
    rewriter.client(session.client(flags="RA"), session.client(flags="R"))
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0019-not-rewritten.md")
@pytest.mark.claim("REW-5")
def test_bare_resets_are_rewritten(rewriter: Rewriter, check: Check) -> None:
    """A reset of the guest that answers a segment, and so acknowledges nothing itself, is rewritten."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(session.guest(flags="R"))
    rewriter.settle()

    check(rewritten)


def sack(isn: int) -> bytes:
    """Return the option that selectively acknowledges 100 bytes behind a hole of 100 (RFC 2018)."""
    return bytes([1, 1, 5, 10]) + ((isn + 101) % CYCLE).to_bytes(4) + ((isn + 201) % CYCLE).to_bytes(4)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0019-not-rewritten.md")
@pytest.mark.claim("REW-6")
def test_selective_acknowledgements_are_rewritten(rewriter: Rewriter, check: Check) -> None:
    """What the client acknowledges selectively is told to the secondary's guest in its own numbers."""
    session = Session()
    rewriter.open(session)
    rewriter.client(session.client(flags="A", options=(sack(session.primary), sack(session.secondary))))
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-6")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_the_guests_selective_acknowledgements_stay(rewriter: Rewriter, check: Check) -> None:
    """What the guest acknowledges selectively is in the client's numbers, and stays."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(session.guest(flags="A", options=sack(session.client_isn)))
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0003-guest-opened-sessions-die.md")
@pytest.mark.claim("REW-7")
def test_sessions_that_the_guest_opens_are_rewritten(rewriter: Rewriter, check: Check) -> None:
    """The client's answer to the guest's SYN, and all that follows, has the numbers of the secondary's guest."""
    session = Session()
    rewriter.guest(session.guest(seq=0, flags="S"))
    rewriter.settle()
    rewriter.client(session.client(seq=0, flags="SA"))
    rewriter.settle()
    rewriter.guest(session.guest(flags="A"))
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-7")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_sessions_that_both_guests_open_alike_pass(rewriter: Rewriter, check: Check) -> None:
    """Where both guests drew one number, a session that the guest opens passes as it is."""
    session = Session().alike()
    rewriter.guest(session.guest(seq=0, flags="S"))
    rewriter.settle()
    rewriter.client(session.client(seq=0, flags="SA"))
    rewriter.settle()
    rewriter.exchange(session)

    check(rewritten)
