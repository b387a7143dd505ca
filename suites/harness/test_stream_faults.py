"""Faults of the checkpoint stream bite where it is held, and heal whatever happened meanwhile."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from colo_harness.colo import dissector
from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError, UsageError, WaitTimeout
from colo_harness.faults.fault import Fault
from colo_harness.faults.stream import Flip, Sever, Slow, Stall
from colo_harness.wait import wait_until
from fixtures.pair import pytest_pyfunc_call
from suites.harness.streams import Ends, checkpoint, joined, nothing_comes, received, relayed

WHOLE = joined(checkpoint())
FAULTS = [Sever(), Stall(), Slow(50_000), Flip(Message.VMSTATE_SEND, 3)]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A relay in COLO that holds VMSTATE_SEND."""
    with relayed() as ends:
        ends.enter()
        ends.relay.hold(Message.VMSTATE_SEND)
        ends.primary.sendall(WHOLE)
        ends.relay.wait_held(timeout=5)
        assert received(ends.secondary, 4)
        yield ends


def pair_of(ends: Ends) -> ColoPair:
    """Return what such a fault needs of a pair."""
    relays, timeouts = SimpleNamespace(checkpoint=ends.relay), SimpleNamespace(late=0.01)
    return cast(
        "ColoPair", SimpleNamespace(relays=relays, timeouts=timeouts, history=SimpleNamespace(entries=[]), vms=[])
    )


def test_what_is_severed_ends(ends: Ends) -> None:
    """Nothing of what was held arrives, and the stream ends on both sides."""
    with Sever().inject(pair_of(ends)) as bite:
        assert bite == {"part": Message.VMSTATE_SEND}
        assert received(ends.secondary, 1) == b""
        assert received(ends.primary, 1) == b""


def test_what_is_stalled_goes_on_in_the_end(ends: Ends) -> None:
    """Nothing passes while it bites, all of it does when it is healed."""
    with Stall().inject(pair_of(ends)):
        assert nothing_comes(ends.secondary)
    assert received(ends.secondary, len(WHOLE) - 4) == WHOLE[4:]


def test_what_is_slow_is_quick_in_the_end(ends: Ends) -> None:
    """Something passes while it bites, all of it does when it is healed."""
    with Slow(100).inject(pair_of(ends)):
        assert received(ends.secondary, 4) == WHOLE[4:8]
    assert received(ends.secondary, len(WHOLE) - 8) == WHOLE[8:]


def test_a_byte_is_flipped(ends: Ends) -> None:
    """The last one of the message, and nothing else."""
    with Flip(Message.VMSTATE_SEND, 3).inject(pair_of(ends)):
        assert received(ends.secondary, len(WHOLE) - 4) == b"\0\0\0\xfc" + WHOLE[8:]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_it_falls_only_where_the_stream_is_held(ends: Ends, fault: Fault) -> None:
    """Elsewhere nobody could say where it fell."""
    ends.relay.release()
    assert received(ends.secondary, len(WHOLE) - 4)
    with pytest.raises(UsageError, match="and it is not"), fault.inject(pair_of(ends)):
        pass


def test_a_flip_falls_only_at_its_part(ends: Ends) -> None:
    """The part that is held is the one whose byte it is."""
    with pytest.raises(UsageError, match="vmstate-send is held"), Flip(Message.RAM, 0).inject(pair_of(ends)):
        pass


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_it_heals_after_an_exception(ends: Ends, fault: Fault, trouble: type[BaseException]) -> None:
    """Ctrl-C included: what is left passes, or both sides see the end."""
    with pytest.raises(trouble), fault.inject(pair_of(ends)):
        raise trouble
    assert len(received(ends.secondary, len(WHOLE) - 4)) in (0, len(WHOLE) - 4)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_it_heals_after_its_victim_has_died(ends: Ends, fault: Fault) -> None:
    """And the other side sees that the stream has ended."""
    with fault.inject(pair_of(ends)):
        ends.secondary.close()
    assert received(ends.primary, 1) == b""


@pytest.mark.topology(guest="tick", relayed=True)
def test_a_relay_that_breaks_is_no_fault_of_qemus(pair: ColoPair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream with something new in it ends the pair, and whatever fails then is told as an error of ours."""
    monkeypatch.setattr(dissector, "_FOOTER", 0)
    pair.force_checkpoint()
    wait_until("the relay to break", lambda: pair.relays.checkpoint.over, timeout=20)
    calling = pytest_pyfunc_call(cast("pytest.Function", SimpleNamespace(funcargs={"idle_pair": pair})))
    next(calling)
    with pytest.raises(MachineError, match="does not understand a section that ends with 0x7e"):
        calling.throw(WaitTimeout("no checkpoint came"))
    with pytest.raises(MachineError, match="does not understand"):
        pair.collect()
