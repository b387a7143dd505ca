"""Small buffers of a host's sockets, which fill where the usual ones would take seconds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from colo_harness.machine.namespace import Namespace

SMALL = "32768 32768 32768"
"""Bytes, at least, at first and at most: less than the state of a guest's devices."""
_SETTINGS = [Path("/proc/sys/net/ipv4", name) for name in ("tcp_wmem", "tcp_rmem")]


@contextmanager
def small_buffers(*hosts: Namespace) -> Iterator[None]:
    """Give what connects inside the block, to or from these hosts, small buffers (tcp(7))."""
    with ExitStack() as before:
        for host in hosts:
            with host.entered():
                usual = [setting.read_text(encoding="ascii") for setting in _SETTINGS]
            before.callback(_set, host, usual)
            _set(host, [SMALL] * len(_SETTINGS))
        yield


def _set(host: Namespace, sizes: list[str]) -> None:
    with host.entered():
        for setting, size in zip(_SETTINGS, sizes, strict=True):
            setting.write_text(size, encoding="ascii")
