"""Connections of self-tests where nobody else is: in a namespace of their own."""

import socket

from colo_harness.machine.namespace import Namespace


def listener(place: Namespace) -> socket.socket:
    """Listen on the namespace's loopback."""
    with place.entered():
        return socket.create_server(("127.0.0.1", 0))


def connected(place: Namespace, to: socket.socket) -> socket.socket:
    """Connect to one that listens there."""
    with place.entered():
        return socket.create_connection(to.getsockname(), 10)


def caller(place: Namespace) -> socket.socket:
    """Return a socket that can be connected there."""
    return place.socket(socket.AF_INET, socket.SOCK_STREAM)
