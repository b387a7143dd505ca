"""Sessions with a bank: money goes from account to account, and each commit is numbered."""

from abc import abstractmethod
from typing import Any, ClassVar

from colo_harness.traffic.content import derived
from colo_harness.traffic.session import Session

ACCOUNTS = 8
OPENING = 1000
"""What each account has at first; images/applications/ledger.c says so, too."""


class Teller(Session):
    """Moves money, one transaction a transfer, and asks for the books, which are of one moment."""

    what = "transfer"
    bank: ClassVar[str]
    """Its name in the history: all tellers of it work on the same accounts."""

    def audit(self) -> None:
        """Ask for all balances and the ids of all commits, in their order."""
        if self._usable("audit"):
            with self.operation("audit", bank=self.bank, opening=OPENING) as answer:
                answer.update(self._books())

    def _exchange_one(self, n: int) -> None:
        drawn = derived(self.seed, n)
        debit = drawn % ACCOUNTS
        credit = (debit + 1 + drawn // ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS
        order: dict[str, Any] = {"id": f"{self.name}.{n}", "debit": debit, "credit": credit, "amount": 1 + drawn % 100}
        with self.operation("transfer", n=n, bank=self.bank, **order) as answer:
            answer.update(self._transfer(**order))

    @abstractmethod
    def _transfer(self, id: str, debit: int, credit: int, amount: int) -> dict[str, Any]:  # noqa: A002 - the bank's word
        """Move the money and return the number of the commit, from 1 on, and the connection that answered."""

    @abstractmethod
    def _books(self) -> dict[str, Any]:
        """Return `balances` and `commits`, and the connection that answered."""
