"""filter-rewriter and the life of a session: handshakes, closing, checkpoints and failovers."""

import struct
from collections.abc import Callable

import pytest

from colo_harness.judge.judgement import Violation
from colo_harness.judge.paws import timestamps_taken
from colo_harness.judge.rewriting import rewritten
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.primary import Primary
from colo_harness.proxy.rewriter import Rewriter
from colo_harness.proxy.session import Said, Session
from fixtures.claims import control
from fixtures.pair import Check

SEGMENT = bytes(1000)
LEARNT_WRONG = "finding: docs/findings/0016-offset-learnt-wrong.md"
FORGOTTEN = "finding: docs/findings/0017-sessions-forgotten.md"
KEPT = "finding: docs/findings/0023-kept-while-stopped.md"
TIMESTAMPS = "finding: docs/findings/0001-tcp-timestamps.md"
CLOCK = 4_000_000_000
"""The primary's, in ticks; it passes 2^32 soon."""
HALF = 1 << 31
LEADS = [
    pytest.param(500_000, id="far"),
    pytest.param(-7, id="behind"),
    pytest.param(1000, id="a-segment", marks=pytest.mark.xfail(strict=True, raises=Violation, reason=FORGOTTEN)),
]
"""How far the secondary's numbers are ahead of the primary's."""


def untouched(said: Said) -> Said:
    """Return what passes as it is."""
    return Said(said.sent, said.sent)


def begin_and_end(rewriter: Rewriter, session: Session) -> None:
    """Let a session be opened, have an exchange and be closed by the guest."""
    rewriter.open(session)
    rewriter.exchange(session)
    rewriter.guest(session.guest(seq=8, ack=8, flags="FA"))
    rewriter.settle()
    rewriter.client(session.client(seq=8, ack=9, flags="FA"))
    rewriter.settle()
    rewriter.guest(session.guest(seq=9, ack=9, flags="A"))
    rewriter.settle()


@pytest.mark.xfail(strict=True, raises=Violation, reason=LEARNT_WRONG)
@pytest.mark.claim("REW-3")
def test_a_late_syn_changes_nothing(rewriter: Rewriter, check: Check) -> None:
    """A SYN that the network brings again, once the session stands, does not change how it is rewritten."""
    session = Session()
    rewriter.open(session)
    rewriter.client(session.client(seq=0, flags="S"))
    rewriter.settle()
    rewriter.exchange(session, seq=1000)

    check(rewritten)


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.claim("REW-8")
@control(sabotage="rewriting-off", checker="rewritten")
@control(sabotage="frame-dropped", checker="rewritten")
def test_a_download_goes_on_when_the_client_has_closed(rewriter: Rewriter, check: Check, lead: int) -> None:
    """The client closes its direction and loads down; until it has acknowledged the guest's FIN all is rewritten."""
    session = Session(primary=1000, secondary=1000 + lead)
    rewriter.open(session)
    rewriter.client(session.client(flags="FA"))
    rewriter.settle()
    rewriter.guest(*(session.guest(SEGMENT, seq=1 + 1000 * number, ack=2) for number in range(8)))
    rewriter.guest(session.guest(seq=8001, ack=2, flags="FA"))
    rewriter.settle()
    rewriter.client(*(session.client(seq=2, ack=2 + 1000 * number, flags="A") for number in range(8)))
    rewriter.settle()
    rewriter.guest(session.guest(SEGMENT, seq=7001, ack=2), session.guest(seq=8001, ack=2, flags="FA"))
    rewriter.settle()
    rewriter.client(session.client(seq=2, ack=8002, flags="A"))
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-8")
@control(sabotage="rewriting-off", checker="rewritten")
def test_an_upload_goes_on_when_the_guest_has_closed(rewriter: Rewriter, check: Check) -> None:
    """The guest closes its direction and is sent more; until it has acknowledged the client's FIN all is rewritten."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(session.guest(flags="FA"))
    rewriter.settle()
    rewriter.client(*(session.client(SEGMENT, seq=1 + 1000 * number, ack=2) for number in range(8)))
    rewriter.client(session.client(seq=8001, ack=2, flags="FA"))
    rewriter.settle()
    rewriter.guest(*(session.guest(seq=2, ack=1 + 1000 * number, flags="A") for number in range(9)))
    rewriter.guest(session.guest(seq=2, ack=8002, flags="A"))
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-8")
@control(sabotage="rewriting-off", checker="rewritten")
def test_ports_may_be_used_again(rewriter: Rewriter, check: Check) -> None:
    """A session between ports that were used before is rewritten by its own numbers, not by those of the old one."""
    begin_and_end(rewriter, Session())
    begin_and_end(rewriter, Session(secondary=3_000_000_000, client_isn=7000))
    begin_and_end(rewriter, Session(primary=4_000_000_000, secondary=0))
    begin_and_end(rewriter, Session().alike())
    begin_and_end(rewriter, Session())

    check(rewritten)


@pytest.mark.claim("REW-9")
@control(sabotage="checkpoint-untold", checker="rewritten")
@control(sabotage="rewriting-off", checker="rewritten")
def test_a_checkpoint_ends_old_offsets(rewriter: Rewriter, checkpoint: Callable[[], None], check: Check) -> None:
    """Once a checkpoint has made the guests alike sessions pass untouched; one opened then is rewritten."""
    old, new = Session(40000), Session(40001, secondary=90_000)
    rewriter.open(old)
    rewriter.exchange(old)
    checkpoint()
    rewriter.exchange(old.alike(), seq=8)
    rewriter.open(new)
    rewriter.exchange(new)
    checkpoint()
    rewriter.exchange(old.alike(), new.alike(), seq=15)

    check(rewritten)


@pytest.mark.replicating
@pytest.mark.claim("REW-9")
@control(sabotage="rewriting-off", checker="rewritten")
def test_a_checkpoint_of_a_pair_ends_old_offsets(rewriter: Rewriter, primary: Primary, check: Check) -> None:
    """The same with checkpoints that a pair takes."""
    old, new = Session(40000), Session(40001, secondary=90_000)
    rewriter.open(old)
    rewriter.exchange(old)
    primary.checkpoint()
    rewriter.exchange(old.alike(), seq=8)
    rewriter.open(new)
    rewriter.exchange(new)

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason=LEARNT_WRONG)
@pytest.mark.claim("REW-9")
def test_a_checkpoint_may_fall_into_a_handshake(
    rewriter: Rewriter, checkpoint: Callable[[], None], check: Check
) -> None:
    """A session whose handshake a checkpoint interrupts passes untouched from then on: both guests have its numbers."""
    session = Session()
    rewriter.client(session.client(seq=0, flags="S"))
    rewriter.settle()
    rewriter.guest(session.guest(seq=0, flags="SA"))
    rewriter.settle()
    checkpoint()
    rewriter.client(session.alike().client(flags="A"))
    rewriter.settle()
    rewriter.exchange(session.alike())

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason=KEPT)
@pytest.mark.claim("REW-17")
def test_segments_wait_for_a_vm_that_stands_still(rewriter: Rewriter, check: Check) -> None:
    """What the client says while the VM stands still is there, in order, when it goes on."""
    session = Session()
    rewriter.open(session)
    with rewriter.standing_still():
        rewriter.client(session.client(b"one"), session.client(b"two", seq=4))
        rewriter.settle()
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason=KEPT)
@pytest.mark.claim("REW-17")
def test_what_waited_is_not_overtaken(rewriter: Rewriter, check: Check) -> None:
    """What the client says after that comes behind it."""
    session = Session()
    rewriter.open(session)
    with rewriter.standing_still():
        rewriter.client(session.client(b"one"), session.client(b"two", seq=4))
        rewriter.settle()
    rewriter.client(session.client(b"three", seq=7))
    rewriter.settle()

    check(rewritten)


@pytest.mark.xfail(strict=True, raises=Violation, reason=KEPT)
@pytest.mark.claim("REW-9")
def test_what_waited_for_a_checkpoint_has_no_old_offset(rewriter: Rewriter, check: Check) -> None:
    """What comes while a checkpoint makes the guests alike acknowledges no more than the client has received."""
    session, another = Session(40000), Session(40001)
    rewriter.open(session)
    rewriter.open(another)
    with rewriter.standing_still():
        rewriter.client(session.alike().client(ack=1001, flags="A"))
        rewriter.settle()
        rewriter.checkpoint()
    rewriter.guest(another.alike().guest(b"one"))
    rewriter.settle()

    check(rewritten)


@pytest.mark.claim("REW-17")
@control(sabotage="frame-dropped", checker="rewritten")
@control(sabotage="frames-swapped", checker="rewritten")
def test_a_vm_may_stand_still(rewriter: Rewriter, check: Check) -> None:
    """A session is rewritten as before after the VM stood still, and what is no TCP passes meanwhile."""
    session, flow = Session(), Flow("10.0.0.2", "10.0.0.1", 40000, 80)
    rewriter.open(session)
    rewriter.exchange(session)
    with rewriter.standing_still():
        rewriter.client(flow.udp(b"one"), flow.udp(b"two"))
        rewriter.settle()
    rewriter.exchange(session, seq=8)

    check(rewritten)


@pytest.mark.replicating
@pytest.mark.claim("REW-10")
@control(sabotage="rewriting-off", checker="rewritten")
@control(sabotage="checksum-stale", checker="rewritten")
def test_old_sessions_outlive_a_failover(rewriter: Rewriter, primary: Primary, check: Check) -> None:
    """After failover the sessions of before are rewritten as before, and those that begin then pass untouched."""
    old, new = Session(40000), Session(40001).alike()
    rewriter.open(old)
    rewriter.exchange(old)
    rewriter.survive(primary)
    rewriter.exchange(old, seq=8)
    rewriter.open(new)
    rewriter.exchange(new)
    rewriter.exchange(old, seq=15)

    check(rewritten)


@pytest.mark.replicating
@pytest.mark.claim("REW-10")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_new_sessions_pass_where_there_was_no_old_one(rewriter: Rewriter, primary: Primary, check: Check) -> None:
    """After a failover without any session all sessions pass untouched, whoever opens them and acknowledges what."""
    first, second, third = (Session(40000 + number).alike() for number in range(3))
    rewriter.survive(primary)
    rewriter.open(first)
    rewriter.exchange(first)
    open_fast(rewriter, second)
    rewriter.exchange(second, seq=1001)
    rewriter.guest(third.guest(seq=0, flags="S"))
    rewriter.settle()
    rewriter.client(third.client(seq=0, flags="SA"))
    rewriter.settle()
    rewriter.exchange(third)

    check(rewritten)


def open_fast(rewriter: Rewriter, session: Session) -> None:
    """Let the client open a session in which the guest answers at once: the client's first ACK is of that too."""
    rewriter.client(session.client(SEGMENT, seq=0, flags="S"))
    rewriter.settle()
    rewriter.guest(session.guest(seq=0, ack=1001, flags="SA"))
    rewriter.guest(session.guest(SEGMENT, ack=1001))
    rewriter.settle()
    rewriter.client(session.client(seq=1001, ack=1001, flags="A"))
    rewriter.settle()


@pytest.mark.xfail(strict=True, raises=Violation, reason=LEARNT_WRONG)
@pytest.mark.replicating
@pytest.mark.claim("REW-10")
def test_new_sessions_pass_however_they_begin(rewriter: Rewriter, primary: Primary, check: Check) -> None:
    """After a failover with an old session, one passes untouched in which the guest answers at once (RFC 7413)."""
    old, new = Session(40000), Session(40001).alike()
    rewriter.open(old)
    rewriter.survive(primary)
    open_fast(rewriter, new)
    rewriter.exchange(new, seq=1001)

    check(rewritten)


@pytest.mark.claim("REW-15")
@control(sabotage="rewriting-off", checker="rewritten")
@control(sabotage="last-byte-changed", checker="rewritten")
def test_it_can_be_switched_off_and_on(rewriter: Rewriter, check: Check) -> None:
    """While its status is off everything passes untouched; when it is on again, sessions are rewritten as before."""
    session = Session()
    rewriter.open(session)
    rewriter.switch("off")
    rewriter.guest(untouched(session.guest(b"payload")))
    rewriter.client(untouched(session.client(b"payload")))
    rewriter.settle()
    rewriter.switch("on")
    rewriter.exchange(session)

    check(rewritten)


def stamped(session: Session, seq: int, clock: int, ahead: int) -> Said:
    """Return a segment of the guest at this tick; the secondary's clock is so many ticks ahead of the primary's."""
    secondary, primary = (
        b"\x01\x01\x08\x0a" + struct.pack("!II", ticks % (2 * HALF), 1) for ticks in (clock + ahead, clock)
    )
    return Said(session.guest(b"x", seq=seq, options=secondary).sent, session.guest(b"x", seq=seq, options=primary).due)


@pytest.mark.xfail(strict=True, raises=Violation, reason=TIMESTAMPS)
@pytest.mark.claim("REW-16")
def test_timestamps_become_the_primarys(rewriter: Rewriter, check: Check) -> None:
    """The timestamps of the secondary's guest become those of the primary's, as its sequence numbers do."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(stamped(session, 1, CLOCK, 1000))
    rewriter.settle()

    check(rewritten)


@pytest.mark.replicating
@pytest.mark.claim("REW-16")
@pytest.mark.parametrize(
    "ahead",
    [
        *(0, 1, 1_000_000, HALF - 2000),
        *(
            pytest.param(jump, marks=pytest.mark.xfail(strict=True, raises=Violation, reason=TIMESTAMPS))
            for jump in (-1000, -1_000_000, 2000 - HALF)
        ),
    ],
)
@control(sabotage="clock-set-back", checker="timestamps_taken")
def test_the_client_takes_the_survivors_timestamps(
    rewriter: Rewriter, primary: Primary, check: Check, ahead: int
) -> None:
    """However far apart the clocks of the two guests are, the client takes what the survivor sends."""
    session = Session()
    rewriter.open(session)
    rewriter.guest(stamped(session, 1, CLOCK, ahead))
    rewriter.settle()
    rewriter.survive(primary)
    rewriter.guest(*(stamped(session, 1 + number, CLOCK + 100 * number, ahead) for number in range(1, 5)))
    rewriter.settle()

    check(timestamps_taken)
