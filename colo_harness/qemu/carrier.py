"""A carrier: what takes a guest's state from a QEMU into a file and back, also for one that does not know `file:`."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from colo_harness.qemu.stream import dial
from colo_harness.qemu.vm import VM


@contextmanager
def saving(vm: VM, state: Path, *, known: bool) -> Iterator[str]:
    """Yield a URI; what the QEMU has migrated to it is in the file when the context is left.

    Where `file:` is not `known`, a socket in the QEMU's own folder takes its place.
    """
    if known:
        yield f"file:{state}"
        return
    path = _socket(vm)
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as thread:
        listener.bind(str(path))
        listener.listen(1)
        written = thread.submit(_write, listener, state)
        try:
            yield f"unix:{path}"
        except BaseException:
            listener.shutdown(socket.SHUT_RDWR)  # nobody may have come
            raise
        written.result()
    path.unlink()


def load(vm: VM, state: Path, *, known: bool, timeout: float) -> None:
    """Have a QEMU that waits for it take the state from the file. Raises CommandError, MonitorLost, WaitTimeout."""
    if known:
        vm.execute("migrate-incoming", {"uri": f"file:{state}"})
        return
    path = _socket(vm)
    vm.execute("migrate-incoming", {"uri": f"unix:{path}"})
    with dial(path, timeout=timeout) as stream, state.open("rb") as file, suppress(ConnectionError):
        stream.settimeout(timeout)
        stream.sendfile(file)  # where QEMU breaks off it says why


def _socket(vm: VM) -> Path:
    return vm.files.folder / "state.sock"


def _write(listener: socket.socket, state: Path) -> None:
    try:
        stream, _ = listener.accept()
    except OSError:  # it was shut down
        return
    with stream, state.open("wb") as file:
        while piece := stream.recv(1 << 20):
            file.write(piece)
