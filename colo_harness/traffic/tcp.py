"""The sessions that a client keeps with the guest's TCP services."""

import socket
from typing import Any, ClassVar

from colo_harness.errors import GuestFailure
from colo_harness.traffic.content import lines
from colo_harness.traffic.session import Declined, Session, Target, WrongAnswer, compare, error_data
from colo_harness.traffic.stream import Stream

_HTTP_SEED = 0x80
_HTTP_BODY = 1024


class TcpSession(Session):
    """A session over one TCP connection, which is opened at creation and recorded as "connect"."""

    port: ClassVar[int]
    receive_buffer: ClassVar[int | None] = None
    """SO_RCVBUF in bytes, before the kernel doubles it; None leaves the kernel's own."""

    def __init__(self, target: Target, name: str) -> None:
        super().__init__(target, name)
        self._open()

    def _open(self) -> None:
        with self.operation("connect", port=self.port) as answer:
            self.stream = self._new_stream()
            self._connect(self.stream, self.port)
            answer["local_port"] = self.stream.socket.getsockname()[1]
            self._greet()

    def _new_stream(self) -> Stream:
        connection = self.target.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        if self.receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        return Stream(connection, self.remaining)

    def _connect(self, stream: Stream, port: int) -> None:
        try:
            stream.connect(self.target.address, port)
        except OSError as refusal:
            self.broken = True
            raise Declined(error_data(refusal)["error"], certain=True) from refusal

    def _greet(self) -> None:
        """Send what the service wants to hear once, at the start."""

    def _say_goodbye(self) -> None:
        with self.operation("close"):
            self.stream.check_idle()

    def _interrupt(self) -> None:
        self.stream.interrupt()

    def _release(self) -> None:
        self.stream.close()


class Echo(TcpSession):
    """Each record is sent and comes back."""

    kind = what = "echo"
    port = 7
    size = 512

    def _exchange_one(self, n: int) -> None:
        sent = lines(self.seed, n, self.size)
        with self.operation("echo", n=n) as answer:
            self.stream.send(sent)
            compare(answer, sent, self.stream.exactly(self.size))

    def finish(self, size: int = 8192) -> None:
        """Send one last record of `size` bytes, half-close, read it back, then the service's end; close.

        Keep `size` below what both kernels buffer: all of it is sent before any is read.
        """
        if not self._usable("echo"):
            return
        n, self.next_record = self.next_record, self.next_record + 1
        sent = lines(self.seed, n, size)
        with self.operation("echo", n=n, half_closed=True) as answer:
            self.stream.send(sent)
            self.stream.half_close()
            compare(answer, sent, self.stream.exactly(size))
        if not self.broken:
            with self.operation("close"):
                self.stream.end()
        self.closed = True
        self._release()


class Dialled(Echo):
    """An echo session over a connection that the guest opens, because TCP 9006 was asked to."""

    kind = "dialled"
    port = 9006

    def __init__(self, target: Target, name: str, *, eager: bool) -> None:
        self.eager = eager
        self._order: Stream | None = None
        super().__init__(target, name)

    def _open(self) -> None:
        listener = self.target.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        with listener, self.operation("dial") as answer:
            self.stream = self._new_stream()
            self._connect(self.stream, self.port)
            here = self.stream.socket.getsockname()[0]
            listener.bind((here, 0))
            listener.listen(1)
            port = answer["local_port"] = listener.getsockname()[1]
            self.stream.send(f"DIAL {here} {port}\n".encode())
            if not self.eager:
                self._hear_reply()
            self._accept(listener)

    def _hear_reply(self) -> None:
        reply = self.stream.line()
        if reply.startswith("FAILED "):
            self.broken = True
            raise Declined(reply.removeprefix("FAILED "), certain=True)
        if reply != "DIALLED":
            raise WrongAnswer(f"{reply!r} in place of 'DIALLED'")

    def _accept(self, listener: socket.socket) -> None:
        listener.settimeout(self.remaining())
        connection, peer = listener.accept()
        self._order, self.stream = self.stream, Stream(connection, self.remaining)
        if peer[0] != self.target.address:
            raise WrongAnswer(f"the connection comes from {peer[0]}")

    def _release(self) -> None:
        super()._release()
        if self._order:
            self._order.close()


class Http(TcpSession):
    """GET after GET over one kept-alive connection; resources are numbered on from a seeded one."""

    kind = what = "http"
    port = 80

    def _exchange_one(self, n: int) -> None:
        resource = (self.seed & 0xFFFF) + n
        wanted = lines(_HTTP_SEED, resource, _HTTP_BODY)
        with self.operation("http", n=n, resource=resource) as answer:
            request = f"GET /records/{resource} HTTP/1.1\r\nHost: {self.target.address}\r\n\r\n"
            self.stream.send(request.encode())
            compare(answer, wanted, self.stream.exactly(self._content_length()))

    def _content_length(self) -> int:
        """Read an answer's head (RFC 9112); return the length of its body. Raises WrongAnswer."""
        status = self.stream.line().rstrip("\r")
        if status.split()[:2] != ["HTTP/1.1", "200"]:
            raise WrongAnswer(f"status line {status!r}")
        length = None
        while field := self.stream.line().rstrip("\r"):
            name, _, value = field.partition(":")
            if name.lower() == "content-length":
                length = value.strip()
        if length != str(_HTTP_BODY):
            raise WrongAnswer(f"Content-Length {length!r} in place of {_HTTP_BODY}")
        return _HTTP_BODY


class Control(TcpSession):
    """Orders to the guest itself. What they set up is a test's premise, so a refusal is raised as well."""

    kind = what = "control"
    port = 9007

    def dirty(self, mib: int, mib_per_second: int) -> None:
        """Let the guest rewrite `mib` MiB of its memory at that rate. Raises GuestFailure."""
        self._order(f"DIRTY {mib} {mib_per_second}", "OK")

    def calm(self) -> None:
        """End the rewriting. Raises GuestFailure."""
        self._order("CALM", "OK")

    def poweroff(self) -> None:
        """Let the guest power itself off. Raises GuestFailure."""
        self._order("POWEROFF", "OK")

    def reboot(self) -> None:
        """Let the guest reboot itself. Raises GuestFailure."""
        self._order("REBOOT", "OK")

    def _exchange_one(self, n: int) -> None:
        with self.operation("control", n=n, command="PING") as answer:
            self._command(answer, "PING", "PONG")

    def _order(self, command: str, wanted: str) -> None:
        carried_out = False
        if self._usable("control"):
            with self.operation("control", command=command) as answer:
                self._command(answer, command, wanted)
                carried_out = True
        if not carried_out:
            raise GuestFailure(f"the guest did not answer {command} with {wanted}; the history says what it did")

    def _command(self, answer: dict[str, Any], command: str, wanted: str) -> None:
        self.stream.send(f"{command}\n".encode())
        reply = answer["answer"] = self.stream.line()
        if reply != wanted:
            raise WrongAnswer(f"{reply!r} in place of {wanted!r}")
