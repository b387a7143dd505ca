"""A session with nginx."""

from collections.abc import Generator
from typing import ClassVar

from colo_harness.qemu.applications import BLOCKS
from colo_harness.qemu.disk import BLOCK, base_block
from colo_harness.traffic.kept import Kept
from colo_harness.traffic.session import Session, Target, WrongAnswer, compare

_FILE = "/blocks"


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
