"""The ledger of a running pair: what its QEMUs told, kept count of; they are asked nothing."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from colo_harness.history import Entry, History
from colo_harness.qemu.topology import HOSTS

RECENT = 12
"""So many events are kept."""
ROUTINE = ("STOP", "RESUME", "MIGRATION_PASS")
"""Events of each checkpoint, which are counted and not kept."""


@dataclass
class Account:
    """One host: its guest's run state, and the checkpoints since the pair was formed."""

    runs: bool = False
    replicates: bool = False
    checkpoints: int = 0
    last_pause_ms: float | None = None
    """How long the last checkpoint held this side's guest."""
    stopped_at: float | None = None

    def take(self, entry: Entry) -> None:
        """Enter an event of this host; a STOP and its RESUME are a checkpoint only while it replicates."""
        if entry.what == "STOP":
            self.runs, self.stopped_at = False, entry.at
        elif entry.what == "RESUME":
            self.runs = True
            if self.replicates and self.stopped_at is not None:
                self.checkpoints += 1
                self.last_pause_ms = round((entry.at - self.stopped_at) * 1000, 1)
            self.stopped_at = None
        elif entry.what == "COLO_EXIT":
            self.replicates = False


class Ledger:
    """Reads `history` on, from where it was read last; any thread may ask."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._read = 0
        self._accounts: dict[str, Account] = {host: Account() for host in HOSTS}
        self._recent: deque[Entry] = deque(maxlen=RECENT)
        self._reading = threading.Lock()

    def accounts(self) -> dict[str, Account]:
        """Return the accounts as they are now, by host."""
        self._catch_up()
        return dict(self._accounts)

    def recent(self) -> list[dict[str, Any]]:
        """Return the last events of both hosts and steps of the procedure, oldest first; seconds of the history."""
        self._catch_up()
        return [
            {"at": round(entry.at, 3), "who": entry.who, "what": entry.what, "data": entry.data}
            for entry in self._recent
        ]

    def _catch_up(self) -> None:
        with self._reading:
            fresh = self._history.entries[self._read :]
            self._read += len(fresh)
            for entry in fresh:
                self._take(entry)

    def _take(self, entry: Entry) -> None:
        if entry.kind == "event" and entry.who in self._accounts:
            self._accounts[entry.who].take(entry)
        elif (entry.kind, entry.what) == ("phase", "replicating"):
            for account in self._accounts.values():
                account.replicates, account.stopped_at = True, None
        if entry.kind in ("event", "phase") and entry.what not in ROUTINE:
            self._recent.append(entry)
