"""The power switch of both hosts: what stands behind the fence command."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import HarnessError
from colo_harness.qemu.topology import HOSTS, Host, Role

LISTEN = 8


class PowerSwitch:
    """Powers hosts of a pair off, one wish after the other: of two hosts that want each other off, the first one wins.

    A host is off when all its processes are gone (`ColoPair.processes`). Leaving the context ends it.
    """

    def __init__(self, pair: ColoPair, door: Path) -> None:
        self.door = door
        """The socket at which wishes come in."""
        self.jammed = False
        """Whether it does nothing, and says so."""
        self._pair = pair
        self._off: set[Host] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(door))
        self._listener.listen(LISTEN)
        self._thread = threading.Thread(target=self._serve, name="power-switch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more; may be called again."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
            self._thread.join()
            self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), line, line.makefile("rw") as lines:  # who asked may be gone by now
                lines.write(f"{self._power_off(lines.readline().split())}\n")
                lines.flush()

    def _power_off(self, wish: list[str]) -> str:
        wanted, by = [*wish, "", ""][:2]
        host = next((one for one in HOSTS if one == wanted), None)
        if host is None:
            return f"there is no host {wanted}"
        if by in self._off:
            return f"{by} is off itself"
        if self.jammed:
            self._pair.history.record("phase", host, "unfenced", by=by)
            return "the power switch is jammed"
        role = next(role for role in Role if self._pair.host(role) == host)
        try:
            self._pair.fence(role)
        except HarnessError as failure:
            return failure.brief.replace("\n", " ")
        self._off.add(host)
        self._pair.history.record("phase", host, "fenced", by=by)
        return "off"
