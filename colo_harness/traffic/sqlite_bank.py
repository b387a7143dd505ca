"""The bank in SQLite, asked over HTTP."""

from typing import Any, ClassVar

from colo_harness.traffic.bank import Teller
from colo_harness.traffic.kept import Kept
from colo_harness.traffic.session import Target


class SqliteBank(Teller):
    """One client of httpx, a request for each transfer."""

    kind = "sqlite"
    bank = "sqlite"
    port: ClassVar[int] = 8080

    def __init__(self, target: Target, name: str) -> None:
        super().__init__(target, name)
        self._http = Kept(target, self.port)
        with self.operation("connect", port=self.port) as answer:
            answer["connection"] = self._books()["connection"]

    def _transfer(self, id: str, debit: int, credit: int, amount: int) -> dict[str, Any]:  # noqa: A002 - the bank's word
        path = f"/transfers/{id}?from={debit}&to={credit}&amount={amount}"
        with self._http.answer("POST", path) as response:
            return {"number": int(response.read()), "connection": self._http.port(response)}

    def _books(self) -> dict[str, Any]:
        with self._http.answer("GET", "/ledger") as response:
            balances, *commits = response.read().decode("ascii").splitlines()
            known = [int(balance) for balance in balances.split()]
            return {"balances": known, "commits": commits, "connection": self._http.port(response)}

    def _interrupt(self) -> None:
        self._http.interrupt()

    def _release(self) -> None:
        self._http.close()
