"""One HTTP connection that httpx keeps."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from colo_harness.traffic.library import as_sockets_tell
from colo_harness.traffic.session import Declined, Target

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
