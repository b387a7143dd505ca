"""Whoever uses the applications of the guest: it opens sessions with each and closes them all at its end."""

from collections import Counter as Tally
from typing import Literal, Self, TypeVar

from colo_harness.qemu.applications import Applications
from colo_harness.traffic.bank import Teller
from colo_harness.traffic.session import Session, Target

AnySession = TypeVar("AnySession", bound=Session)
BankKind = Literal["redis", "sqlite"]


class Patron:
    """Opens sessions with the applications of `guest`, which `target` reaches; a name is "<kind>-<n>"."""

    def __init__(self, target: Target, guest: Applications) -> None:
        self._target = target
        self._guest = guest
        self._sessions: list[Session] = []
        self._opened: Tally[str] = Tally()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in self._sessions:
            session.close()

    def bank(self, kind: BankKind) -> Teller:
        """Open a session with the bank in redis, or with that in SQLite."""
        from colo_harness.traffic.redis_bank import RedisBank  # noqa: PLC0415 - libraries that take a fifth of a second
        from colo_harness.traffic.sqlite_bank import SqliteBank  # noqa: PLC0415 - as above

        bank: type[Teller] = RedisBank if kind == "redis" else SqliteBank
        return self._keep(bank(self._target, self._name(kind)))

    def web(self) -> Session:
        """Open a session with nginx."""
        from colo_harness.traffic.web import Web  # noqa: PLC0415 - as above

        return self._keep(Web(self._target, self._name(Web.kind)))

    def shell(self) -> Session:
        """Log in by SSH."""
        from colo_harness.traffic.shell import Shell  # noqa: PLC0415 - as above

        name = self._name(Shell.kind)
        return self._keep(Shell(self._target, name, key=self._guest.key, host_key=self._guest.host_key))

    def audit(self, *tellers: Teller) -> None:
        """Ask for the books over these sessions, by default over each that is not broken."""
        for teller in tellers or [one for one in self._sessions if isinstance(one, Teller) and not one.broken]:
            teller.audit()

    def _name(self, kind: str) -> str:
        number = self._opened[kind]
        self._opened[kind] += 1
        return f"{kind}-{number}"

    def _keep(self, session: AnySession) -> AnySession:
        self._sessions.append(session)
        return session
