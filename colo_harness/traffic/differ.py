"""Requests whose answers differ between the two VMs on purpose, in one byte that the client chooses."""

from abc import abstractmethod

from colo_harness.errors import UsageError
from colo_harness.traffic.content import derived, difference, digest, lines
from colo_harness.traffic.datagram import IcmpSession, UdpQuestions
from colo_harness.traffic.session import Session, WrongAnswer
from colo_harness.traffic.tcp import TcpSession

_SEED = 0xD1FF
_NOWHERE = -1
_SIDES = (b"A", b"B")


class Differ(Session):
    """Asks for `size` bytes, of which the one at index `at` is the letter of the side that answers."""

    kind = what = "differ"
    transport: str
    default_size = 512
    smallest = 1
    largest = 1 << 30

    def ask(self, size: int, at: int) -> None:
        """Ask once; the history gets the letter as `side`, and digests of all other bytes.

        `at` is -1 for an answer that does not differ. UDP takes up to 1400 bytes; ICMP needs 16 at least.
        Raises UsageError for a byte outside the answer.
        """
        if not _NOWHERE <= at < size or not self.smallest <= size <= self.largest:
            raise UsageError(f"{self.transport} cannot differ at byte {at} of {size}", "ask for less")
        if self._usable("differ"):
            n, self.next_record = self.next_record, self.next_record + 1
            self._ask(n, size, at)

    def _exchange_one(self, n: int) -> None:
        self._ask(n, self.default_size, derived(self.seed, n) % self.default_size)

    def _ask(self, n: int, size: int, at: int) -> None:
        with self.operation("differ", n=n, size=size, at=at, transport=self.transport) as answer:
            wanted, got = self._answer(n, size, at)
            letter = got[at : at + 1] if at != _NOWHERE else b""
            answer["side"] = letter.decode("latin-1") or None
            if letter:
                wanted, got = _masked(wanted, at), _masked(got, at)
            answer.update(sent=digest(wanted), got=digest(got))
            if wanted != got:
                raise WrongAnswer(difference(wanted, got))
            if at != _NOWHERE and letter not in _SIDES:
                raise WrongAnswer(f"no side's letter at {at}: {letter!r}")

    @abstractmethod
    def _answer(self, n: int, size: int, at: int) -> tuple[bytes, bytes]:
        """Ask as record `n`; return the bytes without a side's letter, and the answer's."""


class TcpDiffer(Differ, TcpSession):
    """Asks over one TCP connection."""

    transport = "tcp"
    port = 9004

    def _answer(self, n: int, size: int, at: int) -> tuple[bytes, bytes]:  # noqa: ARG002 - TCP keeps the order
        self.stream.send(f"DIFFER {size} {at}\n".encode())
        return lines(_SEED, 0, size), self.stream.exactly(size)


class UdpDiffer(Differ, UdpQuestions):
    """Asks in datagrams."""

    transport = "udp"
    port = 9004
    largest = 1400

    def _answer(self, n: int, size: int, at: int) -> tuple[bytes, bytes]:  # noqa: ARG002 - its port tells it apart
        return lines(_SEED, 0, size), self._question(f"DIFFER {size} {at}\n".encode())


class IcmpDiffer(Differ, IcmpSession):
    """Asks in echo requests; the reply is the request's payload but for the letter."""

    transport = "icmp"
    smallest = 16
    largest = 1472

    def _answer(self, n: int, size: int, at: int) -> tuple[bytes, bytes]:
        order = f"DIFFER {at} ".encode()
        wanted = order[:size] + lines(_SEED, 0, max(0, size - len(order)))
        self._send_request(n, wanted)
        return wanted, self._receive_reply(n, lambda number, _: number < n)


def _masked(data: bytes, at: int) -> bytes:
    return data[:at] + b"?" + data[at + 1 :]
