"""Cluster managers: the built-in heartbeat, and whatever else can be started as a command."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from colo_harness.qemu.topology import HOSTS, Host

WATCHER = Path(__file__).with_name("watcher.py")


@dataclass(frozen=True)
class Post:
    """A process of a manager: it runs on `host` and dies with it, or else on a machine of its own beside both."""

    name: str
    argv: tuple[str, ...]
    host: Host | None = None


class Manager(Protocol):
    """Brings a pair into COLO, watches it, and lets one side carry on when the other one is lost.

    What its processes are handed and must tell is in docs/heartbeat.md.
    """

    def posts(self, handover: Path) -> Sequence[Post]:
        """Return its processes, given the file that tells them of the pair."""


@dataclass(frozen=True)
class Heartbeat:
    """The built-in one: a watcher on each host, which tell each other how they are."""

    def __str__(self) -> str:
        return "built-in"

    def posts(self, handover: Path) -> Sequence[Post]:
        """Return a watcher for each host."""
        start = (sys.executable, "-I", "-S", str(WATCHER), str(handover))
        return [Post(f"watcher-{host}", (*start, host), host) for host in HOSTS]


@dataclass(frozen=True)
class Outside:
    """Somebody else's: a command, to which the file that tells of the pair is added. It runs beside the hosts."""

    command: str

    def __str__(self) -> str:
        return "outside"

    def posts(self, handover: Path) -> Sequence[Post]:
        """Return the command's one process."""
        return [Post("manager", (*shlex.split(self.command), str(handover)))]
