"""One kept-alive HTTP connection, by httpx, and the sessions with the guest's servers over it."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx

from colo_harness.qemu.applications import BLOCKS
from colo_harness.qemu.disk import BLOCK, base_block
from colo_harness.traffic.bank import Teller
from colo_harness.traffic.library import as_sockets_tell
from colo_harness.traffic.session import Declined, Session, Target, WrongAnswer, compare

_FILE = "/blocks"
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)


class Kept:
    """A client of httpx that tries nothing again; each answer tells the local port of its connection."""

    def __init__(self, target: Target, port: int, *, receive_buffer: int | None = None) -> None:
        options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)] if receive_buffer else []
        transport = httpx.HTTPTransport(retries=0, limits=_ONE, trust_env=False, socket_options=options)
        base = f"http://{target.address}:{port}"
        self._target = target
        self._client = httpx.Client(transport=transport, base_url=base, timeout=target.timeout, trust_env=False)
        self._streams: list[Any] = []

    @contextmanager
    def answer(self, method: str, path: str) -> Iterator[httpx.Response]:
        """Yield the answer, whose body may still be on its way. Raises OSError, and Declined for a status but 200."""
        with as_sockets_tell(httpx.TransportError):
            request = self._client.build_request(method, path)
            with self._target.namespace.entered():
                response = self._client.send(request, stream=True)
            try:
                self._streams = [response.extensions["network_stream"]]
                if response.status_code != httpx.codes.OK:
                    certain = not response.is_server_error
                    raise Declined(f"{response.status_code} {response.read().decode().strip()}", certain=certain)
                yield response
            finally:
                response.close()

    def port(self, response: httpx.Response) -> int:
        """Return the local port of the connection that this answer came by."""
        return int(response.extensions["network_stream"].get_extra_info("client_addr")[1])

    def interrupt(self) -> None:
        """Wake whoever waits for an answer."""
        for stream in self._streams:
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class SqliteBank(Teller):
    """The bank in SQLite, asked over HTTP."""

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


class Web(Session):
    """The large file of nginx, piece by piece, again and again over one connection.

    The receive buffer is small, so that what is read has hardly ever arrived long ago.
    """

    kind = "web"
    what = "piece"
    port: ClassVar[int] = 80
    blocks: ClassVar[int] = 16
    """In a piece."""

    def __init__(self, target: Target, name: str) -> None:
        super().__init__(target, name)
        self._http = Kept(target, self.port, receive_buffer=1 << 16)
        self._pieces = self._download()
        with self.operation("connect", port=self.port) as answer, self._http.answer("HEAD", _FILE) as response:
            response.read()
            answer["connection"] = self._http.port(response)

    def _exchange_one(self, n: int) -> None:
        of = BLOCKS // self.blocks
        with self.operation("piece", n=n, piece=n % of, of=of) as answer:
            got, answer["connection"] = next(self._pieces)
            first = n % of * self.blocks
            compare(answer, b"".join(map(base_block, range(first, first + self.blocks))), got)

    def _download(self) -> Generator[tuple[bytes, int]]:
        """Yield each piece, and the connection that it came by; after the last one the file is asked for again."""
        while True:
            with self._http.answer("GET", _FILE) as response:
                if (length := response.headers.get("Content-Length")) != str(BLOCK * BLOCKS):
                    raise WrongAnswer(f"Content-Length {length} in place of {BLOCK * BLOCKS}")
                for piece in response.iter_raw(BLOCK * self.blocks):
                    yield piece, self._http.port(response)

    def _interrupt(self) -> None:
        self._http.interrupt()

    def _release(self) -> None:
        self._pieces.close()
        self._http.close()
