"""The filter-rewriter's bench: its frames, its barriers, and the pair that it is half of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.errors import ProductFailure
from colo_harness.history import History
from colo_harness.proxy.barrier import barrier, number_of
from colo_harness.proxy.bench import Bench, Benchroom, Lacking
from colo_harness.proxy.flow import Ip
from colo_harness.proxy.primary import INCOMING, Primary
from colo_harness.proxy.rewriter import NETDEV, Rewriter
from colo_harness.proxy.session import Session
from colo_harness.proxy.tap import HEADER, tapped

STAMP = b"\x01\x01\x08\x0a" + bytes(8)


@pytest.fixture
def room(lab: Lab) -> Benchroom:
    """Return what benches share."""
    return Benchroom(lab.qemu, lab.around.loop, lab.around.guardian, lab.around.timeouts)


@pytest.fixture
def secondary(room: Benchroom, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench that waits for a primary."""
    with History() as history, Bench(room, tmp_path, history, options=INCOMING) as bench:
        yield bench


@pytest.mark.parametrize("options", [b"", b"\x01" * 4], ids=["plain", "IP options"])
@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_scapy_counts_the_same_checksums(payload: bytes, options: bytes) -> None:
    """Of what is sent and of what is due, of both sides; and the numbers are those of the three parties."""
    from scapy.layers.inet import IP, TCP  # noqa: PLC0415 - takes a second
    from scapy.layers.l2 import Ether  # noqa: PLC0415 - as above

    session = Session(primary=(1 << 32) - 2, secondary=7, ip=Ip(options=options))
    guest, client = session.guest(payload, seq=5, options=STAMP), session.client(payload, ack=5)
    for frame in (guest.sent, guest.due, client.sent, client.due):
        whole = Ether(frame)
        told = (whole[IP].chksum, whole[TCP].chksum)
        del whole[IP].chksum, whole[TCP].chksum
        again = Ether(bytes(whole))
        assert (again[IP].chksum, again[TCP].chksum) == told
    assert [Ether(frame)[TCP].seq for frame in (guest.sent, guest.due)] == [12, 3]
    assert [Ether(frame)[TCP].ack for frame in (client.due, client.sent)] == [12, 3]


def test_handshakes_are_due_as_they_are_sent() -> None:
    """The primary's first number is not known yet."""
    session = Session()
    for said in (session.client(seq=0, flags="S"), session.guest(seq=0, flags="SA")):
        assert said.sent == said.due
    assert session.guest(b"data").sent != session.guest(b"data").due
    assert session.alike().guest(b"data").sent == session.guest(b"data").due


def test_barriers_of_both_kinds_are_known() -> None:
    """And nothing else is one."""
    for tcp in (False, True):
        assert number_of(barrier(70_000, tcp=tcp)) == 70_000
        assert number_of(barrier(1, tcp=tcp)[:-1]) is None
    assert number_of(Session().guest(b"data").sent) is None


def test_a_qemu_that_cannot_tell_of_checkpoints_lacks_that(
    room: Benchroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command's name."""
    with History() as history, Bench(room, tmp_path, history) as bench:
        rewriter = Rewriter(bench)
        rewriter.can_checkpoint()
        monkeypatch.setattr("colo_harness.proxy.rewriter.CHECKPOINT", "x-none-such")
        with pytest.raises(Lacking, match="x-none-such"):
            rewriter.can_checkpoint()


def test_what_passes_unseen_is_not_recorded(room: Benchroom, tmp_path: Path) -> None:
    """Nor is it judged; what comes before and after is."""
    session = Session().alike()
    with History() as history, Bench(room, tmp_path, history) as bench:
        rewriter = Rewriter(bench)
        rewriter.exchange(session)
        with rewriter.unseen():
            rewriter.flood(client=[session.client(b"unseen").sent] * 100)
        rewriter.exchange(session)
    out = [entry for entry in history if (entry.kind, entry.who, entry.what) == ("frame", "guest_out", "out")]
    assert len(out) == 4


def test_a_pair_without_a_guest_replicates_and_fails_over(secondary: Bench, lab: Lab) -> None:
    """What QEMU says of it is in the history, though that was empty when the bench was made."""
    with Primary(secondary, lab.contract.capabilities) as primary:
        primary.checkpoint()
        primary.lose()
    told = [(entry.kind, entry.what) for entry in secondary.history if entry.who == "bench"]
    for entry in (("phase", "checkpointed"), ("phase", "failover"), ("event", "COLO_EXIT"), ("phase", "promoted")):
        assert entry in told
    assert secondary.qemu.execute("query-colo-status")["last-mode"] == "secondary"


def test_a_pair_that_does_not_enter_colo_says_where_it_went(secondary: Bench) -> None:
    """Without the capability it is a migration."""
    with pytest.raises(ProductFailure, match="went to completed, not to colo"):
        Primary(secondary, [])


@pytest.mark.needs("tap")
def test_a_tap_carries_headers(room: Benchroom, tmp_path: Path) -> None:
    """Of the length that is told, before each frame, in order."""
    session = Session().alike()
    with (
        History() as history,
        tapped(tmp_path, NETDEV) as (options, namespace),
        Bench(room, tmp_path, history, options=options, namespace=namespace) as bench,
    ):
        rewriter = Rewriter(bench, header=HEADER)
        rewriter.open(session)
        rewriter.exchange(session)
    out = [entry.data["header"] for entry in history if entry.kind == "frame" and entry.what == "out"]
    assert out == [bytes(HEADER).hex()] * 6
