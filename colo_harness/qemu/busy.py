"""A main thread that is busy: it stands in a command, and has QEMU's big lock."""

import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from colo_harness.errors import MachineError
from colo_harness.qemu.vm import VM

AMOUNT = 1 << 20
"""Bytes; more than a pipe takes while nobody reads."""


@contextmanager
def busy(vm: VM, *, deadline: float) -> Iterator[None]:
    """Keep the big lock from everybody else inside the block: QEMU writes the guest's memory into a pipe meanwhile.

    What it is told inside, on either monitor, it does afterwards. `deadline` is in seconds.
    Raises CommandError, MonitorLost, and MachineError where QEMU does not begin.
    """
    pipe = vm.files.folder / "memory.pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    order = {"val": 0, "size": AMOUNT, "filename": str(pipe)}
    with ThreadPoolExecutor(1, thread_name_prefix="busy") as threads:
        writing = threads.submit(vm.rescue.execute, "pmemsave", order, timeout=deadline)
        try:
            _await_bytes(reader, deadline)
            yield
        finally:
            os.set_blocking(reader, True)
            while os.read(reader, AMOUNT):
                pass
            os.close(reader)
            pipe.unlink()
            writing.result()


def _await_bytes(reader: int, deadline: float) -> None:
    coming = select.poll()
    coming.register(reader, select.POLLIN)
    if not coming.poll(deadline * 1000):
        raise MachineError(f"QEMU wrote nothing of its guest's memory in {deadline:g} s", "look at its stderr")
