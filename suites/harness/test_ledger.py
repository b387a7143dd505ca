"""What a running pair's ledger counts."""

import pytest

from colo_harness.colo.ledger import RECENT, Ledger
from colo_harness.history import History


@pytest.fixture
def history() -> History:
    """A history in which nothing has happened."""
    return History()


def tell(history: History, *events: tuple[float, str]) -> None:
    """Let host_a tell events at these seconds."""
    for at, event in events:
        history.record("event", "host_a", event, at=at)


def test_a_checkpoint_is_a_stop_and_its_resume(history: History) -> None:
    """Counted since the pair replicates: the switch-over into COLO, which comes before, is none."""
    ledger = Ledger(history)
    tell(history, (1.0, "STOP"), (1.5, "RESUME"))
    history.record("phase", "pair", "replicating", at=1.6)
    tell(history, (2.0, "STOP"), (2.25, "RESUME"), (3.0, "STOP"))
    account = ledger.accounts()["host_a"]
    assert (account.checkpoints, account.last_pause_ms, account.runs) == (1, 250.0, False)
    assert ledger.accounts()["host_b"].checkpoints == 0


def test_what_stops_after_colo_is_no_checkpoint(history: History) -> None:
    """A pair that failed over takes none."""
    ledger = Ledger(history)
    history.record("phase", "pair", "replicating", at=1.0)
    tell(history, (2.0, "COLO_EXIT"), (2.1, "STOP"), (2.2, "RESUME"))
    account = ledger.accounts()["host_a"]
    assert (account.checkpoints, account.replicates, account.runs) == (0, False, True)


def test_checkpoints_are_counted_on_after_a_resume(history: History) -> None:
    """The stop that brings a survivor back into COLO is none of them."""
    ledger = Ledger(history)
    for _ in range(2):
        history.record("phase", "pair", "replicating", at=1.0)
        tell(history, (2.0, "STOP"), (2.1, "RESUME"), (2.2, "COLO_EXIT"), (2.3, "STOP"), (2.4, "RESUME"))
    assert ledger.accounts()["host_a"].checkpoints == 2


def test_recent_events_are_few_and_told_once(history: History) -> None:
    """The last ones, without those that every checkpoint brings."""
    ledger = Ledger(history)
    for at in range(2 * RECENT):
        tell(history, (at, "STOP"), (at, "RESUME"), (at, "MIGRATION"))
        ledger.accounts()
    recent = ledger.recent()
    assert [event["at"] for event in recent] == list(range(RECENT, 2 * RECENT))
    assert {event["what"] for event in recent} == {"MIGRATION"}
