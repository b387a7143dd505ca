"""Servers that lie, die or stay silent: threads of the test with sockets in its namespace."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from colo_harness.machine.namespace import Namespace

GUEST = "127.0.0.1"
Serve = Callable[[socket.socket], object]


@contextmanager
def served(namespace: Namespace, port: int, serve: Serve) -> Iterator[None]:
    """Serve one TCP connection after the other with `serve`, which gets each and need not close it."""
    listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((GUEST, port))
    listener.listen()

    def run() -> None:
        try:
            while True:
                with closing(listener.accept()[0]) as connection:
                    serve(connection)
        except OSError:
            return  # the listener was shut down, or the client has hung up: the test is over

    yield from _background(listener, run)


@contextmanager
def answering(namespace: Namespace, port: int, answer: Callable[[bytes], list[bytes]]) -> Iterator[None]:
    """Answer each UDP datagram with the datagrams that `answer` makes of it."""
    server = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((GUEST, port))

    def run() -> None:
        while True:
            request, peer = server.recvfrom(65535)
            if not request:
                return
            for datagram in answer(request):
                server.sendto(datagram, peer)

    yield from _background(server, run)


def _background(server: socket.socket, run: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=run)
    thread.start()
    with server:
        try:
            yield
        finally:
            with suppress(OSError):  # an unconnected UDP socket complains, and wakes all the same
                server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            assert not thread.is_alive()


def end(connection: socket.socket) -> None:
    """Take a record and close."""
    connection.recv(512)


def stay_silent(connection: socket.socket) -> None:
    """Take all records and answer none."""
    while connection.recv(512):
        pass


def reset(connection: socket.socket) -> None:
    """Take a record and close with RST (SO_LINGER 0, socket(7))."""
    connection.recv(512, socket.MSG_WAITALL)
    set_reset(connection)


def always(answer: bytes) -> Serve:
    """Return a server that says the same to everything, once."""

    def serve(connection: socket.socket) -> None:
        connection.recv(9000)
        connection.sendall(answer)

    return serve


def set_reset(connection: socket.socket) -> None:
    """Let the connection's end be an RST (SO_LINGER 0, socket(7))."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def echo_records(connection: socket.socket, twist: Callable[[int, bytes], bytes]) -> None:
    """Echo records, each as `twist` has it."""
    for n in range(100):
        data = connection.recv(512, socket.MSG_WAITALL)
        if len(data) < 512:
            return
        connection.sendall(twist(n, data))


def changed(n: int, data: bytes) -> bytes:
    """Change one byte of record 3."""
    return data[:100] + b"#" + data[101:] if n == 3 else data


def dropped(n: int, data: bytes) -> bytes:
    """Lose record 3."""
    return b"" if n == 3 else data


def repeated(n: int, data: bytes) -> bytes:
    """Answer record 3 twice."""
    return data + data if n == 3 else data
