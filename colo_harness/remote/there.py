"""There: a site that is another machine, where an agent of ours does what is asked."""

import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.manifest import sha256
from colo_harness.machine.process import run
from colo_harness.machine.program import Program
from colo_harness.machine.site import Clock
from colo_harness.remote.employed import Employed
from colo_harness.remote.errand import Errand
from colo_harness.remote.hosts import Node
from colo_harness.remote.link import REACH, SLOW, Link, sources
from colo_harness.wait import wait_until

T = TypeVar("T")
MANIFEST = "manifest.json"
"""In a folder of the cache: what all that lies below it is."""
UNREAD = ("./root/usr/share/doc", "./root/usr/share/locale", "./root/usr/share/man")
"""What of it no QEMU reads."""
FENCING = 120.0
"""Seconds that a fence may take, and a host to be gone after it."""


class There:
    """A real host. Files have the same path there as here; those of a run go with the agent."""

    def __init__(self, link: Link, node: Node, brought: set[Path]) -> None:
        self.link = link
        self._node = node
        self._brought = brought
        """What is known to be there."""
        self._reached: set[Path] = set()
        self._drains: list[_Drain] = []

    @cached_property
    def clock(self) -> Clock:
        """How its stamps are to be read."""
        return self.link.clock()

    def start(self, argv: Sequence[str | Path], *, name: str, log_dir: Path, guardian: Guardian) -> Program:  # noqa: ARG002 - the agent has a guardian of its own
        """Start a program there. Raises MachineError."""
        return Errand(argv, name=name, log_dir=log_dir, link=self.link, flush=self.flush)

    def employ(self, work: Callable[..., T], **arguments: Any) -> T:
        """Have what `work` makes there, and return what hands on all that it is asked. Raises MachineError."""
        self.link.call("learn", sources=sources(work.__module__))
        made: dict[str, Any] = {"module": work.__module__, "function": work.__name__, "arguments": arguments}
        return cast("T", Employed(self.link, int(self.link.call("employ", **made)), work.__annotations__["return"]))

    def reaches(self, path: Path) -> bool:
        """Say whether a program there listens on this unix socket; whoever dials the path here is then connected."""
        if path not in self._reached and self.link.call("listens", path=str(path)):
            self.link.forward(path)
            self._reached.add(path)
        return path in self._reached

    def pour(self, path: Path) -> None:
        """Let what is written there into the FIFO at this path come out of the one here."""
        drain = _Drain(path)
        self._drains.append(drain)
        self.link.on_pour(path, drain.put)

    def bring(self, *paths: Path) -> None:
        """Let files and folders of the cache be there. Raises MachineError."""
        for path in paths:
            if path in self._brought:
                continue
            told = path / MANIFEST if path.is_dir() else path
            if self.link.call("digest", path=str(told), timeout=SLOW) != sha256(told):
                self._send(path)
            self._brought.add(path)

    def hand_over(self, folder: Path) -> None:
        """Let this folder, with the files that lie in it here, be there, and there alone. Raises MachineError."""
        self.link.call("make", folder=str(folder))
        for path in sorted(folder.iterdir()):
            if path.is_file():
                self.link.call("put", path=str(path), content=path, timeout=SLOW)
                path.unlink()

    def has(self, path: Path) -> bool:
        """Say whether there is such a file."""
        return bool(self.link.call("has", path=str(path)))

    def move(self, old: Path, new: Path) -> None:
        """Rename a file."""
        self.link.call("move", old=str(old), new=str(new))

    def fetch(self, path: Path) -> Path:
        """Let a file of the site be readable here as it is now; return its path."""
        path.write_bytes(self.link.call("get", path=str(path), timeout=SLOW))
        return path

    def run(self, *argv: str, inside: bool = True, timeout: float = REACH) -> str:
        """Run a short command there and return its output. Raises MachineError."""
        return str(self.link.call("run", argv=argv, inside=inside, seconds=timeout, timeout=2 * timeout))

    @property
    def python(self) -> str:
        """Its Python."""
        return self._node.python

    def finds(self, tool: str) -> bool:
        """Say whether there is such a command."""
        return bool(self.link.call("finds", tool=tool))

    def ip(self, *lines: str, inside: bool = True) -> None:
        """Run lines of `ip` there. Raises MachineError."""
        self.link.call("ip", lines=lines, inside=inside)

    def fence(self) -> None:
        """Take the machine's power, if we were told how; return when it is gone. Raises MachineError."""
        if not self._node.fence:
            return
        run(self._node.fence, timeout=FENCING, remedy="look at `fence` in hosts.toml")
        try:
            wait_until(f"{self.link.name} to be gone", lambda: bool(self.link.lost), timeout=FENCING)
        except WaitTimeout as still:
            raise MachineError(f"its fence leaves {self.link.name} as it was: {still}", "try it by hand") from still
        self.link.fenced = True

    def flush(self) -> None:
        """Return when all that came out of FIFOs there is in those here."""
        for drain in self._drains:
            drain.flush()

    def close(self) -> None:
        """End the agent, and with it all that it started."""
        with ExitStack() as closing:
            for drain in self._drains:
                closing.callback(drain.close)
            closing.callback(self.link.close)

    def _send(self, path: Path) -> None:
        if not path.is_dir():
            self.link.call("put", path=str(path), content=path, timeout=SLOW)
            return
        with TemporaryDirectory() as folder:
            packed = Path(folder, "packed.tar")
            what = [*(f"--exclude={one}" for one in UNREAD), f"--directory={path}", f"--file={packed}", "."]
            run(["tar", "--create", *what], timeout=SLOW)
            self.link.call("unpack", folder=str(path), content=packed, timeout=SLOW)


class _Drain:
    """Writes into a FIFO here, whose reader may take its time."""

    def __init__(self, path: Path) -> None:
        self._end = os.open(path, os.O_RDWR)
        self._pieces: queue.Queue[bytes | None] = queue.Queue()
        self.put = self._pieces.put
        self._thread = threading.Thread(target=self._write, name="drain", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Return when all is written."""
        self._pieces.join()

    def close(self) -> None:
        """Write no more."""
        self._pieces.put(None)
        self._thread.join(1)
        os.close(self._end)

    def _write(self) -> None:
        while (piece := self._pieces.get()) is not None:
            os.write(self._end, piece)
            self._pieces.task_done()
