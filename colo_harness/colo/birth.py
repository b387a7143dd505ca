"""The birth of a running pair: its keeper's process, attended until the pair replicates."""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Self

from colo_harness.colo.running import Running, await_removal, claim, registry
from colo_harness.errors import HarnessError, MachineError
from colo_harness.machine import probe
from colo_harness.machine.guardian import PATIENCE, Guardian
from colo_harness.machine.progress import Progress
from colo_harness.qemu.topology import Topology
from colo_harness.settings import Settings

ROOM = 64 << 20
"""Bytes that a pair's disks and logs take at first."""
KEEP = b"k"
"""What tells the keeper that its pair was taken note of: from now on it stays."""


@dataclass(frozen=True)
class Order:
    """What a keeper is to bring up, and where."""

    folder: Path
    settings: Settings
    topology: Topology

    def as_json(self) -> str:
        """Return what travels to the keeper's process; `Order.of` is the way back."""
        given = self.settings
        qemu = {"qemu": given.qemu and str(given.qemu), "release": given.release}
        settings = {"cache_dir": str(given.cache_dir), **qemu, "accel": given.accel}
        return json.dumps({"folder": str(self.folder), "settings": settings, "topology": asdict(self.topology)})

    @classmethod
    def of(cls, text: str) -> Self:
        """Rebuild an order from `as_json`."""
        told = json.loads(text)
        folder, given = Path(told["folder"]), told["settings"]
        qemu = given["qemu"] and Path(given["qemu"])
        known = {"release": given["release"], "accel": given["accel"]}
        settings = Settings(cache_dir=Path(given["cache_dir"]), qemu=qemu, run_dir=folder, **known)
        return cls(folder, settings, Topology(**told["topology"]))


def bring_up(name: str | None, settings: Settings, topology: Topology, progress: Progress) -> Running:
    """Start a keeper with a new pair; return when the pair replicates.

    Whatever goes wrong, Ctrl-C included, nothing is left. Raises HarnessError.
    """
    with ExitStack() as stack:
        guardian = stack.enter_context(Guardian())
        with registry() as place:  # until the keeper listens, nobody may take its folder for an abandoned one
            probe.space(place, ROOM, remedy="set XDG_RUNTIME_DIR to a folder with room that is yours alone")
            pair = claim(name, place, guardian.add_folder)
            birth = stack.enter_context(_Birth(Order(pair.folder, settings, topology)))
            birth.hear(progress)
        guardian.drop_folder(pair.folder)  # the keeper has one of its own by now
        while not birth.settled:
            birth.hear(progress)
    return pair


class _Birth:
    """A keeper in a session of its own, which ends with this context unless its pair is up."""

    def __init__(self, order: Order) -> None:
        self.settled = False
        self._folder = order.folder
        self._link, theirs = socket.socketpair()
        argv = [sys.executable, "-m", "colo_harness.colo.keeper", order.as_json()]
        with theirs, (order.folder / "keeper.log").open("wb") as log:
            self._keeper = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=DEVNULL,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._said = self._link.makefile("r", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._said.close()
        self._link.close()
        if self.settled:
            return
        try:
            self._keeper.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        await_removal(self._folder)

    def hear(self, progress: Progress) -> None:
        """Take in the keeper's next word. Raises HarnessError."""
        line = self._said.readline()
        word: dict[str, Any] = json.loads(line) if line else {"died": True}
        if "step" in word:
            progress(word["step"])
        elif "up" in word:
            self._link.sendall(KEEP)
            self.settled = True
        elif "problem" in word:
            raise HarnessError(word["problem"], word["remedy"])
        else:
            log = (self._folder / "keeper.log").read_text(encoding="utf-8", errors="replace")
            raise MachineError(f"the keeper ended with status {self._keeper.wait()}", log or "somebody killed it")
