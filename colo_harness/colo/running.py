"""The pairs that are left running: for each a folder of this user, with a keeper that listens in it."""

import json
import os
import re
import shutil
import socket
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from colo_harness.errors import HarnessError, MachineError, UsageError, WaitTimeout
from colo_harness.machine.guardian import PATIENCE, await_exit, sweep
from colo_harness.wait import wait_until

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
USUAL = "pair"
"""The name of a pair that is given none; the next ones get a number."""
DEEPEST = "host_a/console.sock"
LONGEST = 107
"""Bytes of a unix socket's path (unix(7))."""
LOCK = 60.0
"""Seconds until another command, which holds the folder of all pairs, lets go of it."""
ANSWER = 300.0
"""Seconds after which a keeper that owes an answer is given up; each of its own steps has a shorter deadline."""
_UCRED = struct.Struct("iII")


@dataclass(frozen=True)
class Running:
    """A pair that was left running, and the way to its keeper."""

    name: str
    folder: Path

    @property
    def door(self) -> Path:
        """The socket at which the keeper listens."""
        return self.folder / "keeper.sock"

    def ask(self, command: str, /, **arguments: Any) -> Any:
        """Return the keeper's answer. Raises HarnessError: what the keeper met, or that there is none any more."""
        try:
            with self._connected() as line, line.makefile("rw", encoding="utf-8") as lines:
                lines.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
                lines.flush()
                said = lines.readline()
        except TimeoutError:
            raise MachineError(
                f"the keeper of {self.name!r} has not answered for {ANSWER:g} s", "end it: `colo pair down`"
            ) from None
        except OSError:
            said = ""
        if not said:
            raise MachineError(f"the keeper of {self.name!r} has ended", "the pair went with it: `colo pair up`")
        answer = json.loads(said)
        if "problem" in answer:
            raise HarnessError(answer["problem"], answer["remedy"])
        return answer["answer"]

    def down(self) -> None:
        """End the pair; return when nothing of it is left."""
        with suppress(OSError), self._connected() as line:  # it may end by itself meanwhile
            credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            line.sendall(b'{"command": "down"}\n')
            await_exit(_UCRED.unpack(credentials)[0], PATIENCE)
        await_removal(self.folder)

    def lives(self) -> bool:
        """Say whether somebody listens."""
        try:
            self._connected().close()
        except OSError:
            return False
        return True

    def _connected(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.settimeout(ANSWER)
            line.connect(str(self.door))
        except BaseException:
            line.close()
            raise
        return line


def find(name: str | None) -> Running:
    """Return the pair `name`, or without a name the only one. Raises UsageError, MachineError."""
    with registry() as place:
        pairs = {pair.name: pair for pair in _living(place)}
    names = ", ".join(pairs)
    if not pairs:
        raise UsageError("no pair is running", "start one: `colo pair up`")
    if name is None and len(pairs) > 1:
        raise UsageError(f"{len(pairs)} pairs are running: {names}", "say which one with --name")
    if name is not None and name not in pairs:
        raise UsageError(f"no pair {name!r} is running", f"choose one of {names}")
    return pairs[name] if name else next(iter(pairs.values()))


@contextmanager
def registry() -> Iterator[Path]:
    """Hold the folder of this user's pairs against other commands. Raises MachineError."""
    try:
        with warnings.catch_warnings(action="ignore"):  # that XDG_RUNTIME_DIR is not set needs no telling
            place = Path(platformdirs.user_runtime_dir("colo-pairs", ensure_exists=True))
        lock = FileLock(place / ".lock", timeout=LOCK)
        lock.acquire()
    except OSError as refusal:
        raise MachineError(
            f"there is no place for running pairs: {refusal}",
            "set XDG_RUNTIME_DIR to a folder that is yours alone, of mode 0700",
        ) from refusal
    try:
        yield place
    finally:
        lock.release()


def claim(name: str | None, place: Path, announce: Callable[[Path], object] = lambda _: None) -> Running:
    """Make a folder for a new pair in the registry, by default under a free name; `announce` is told before.

    Raises UsageError, MachineError.
    """
    taken = [pair.name for pair in _living(place)]
    if name in taken:
        raise UsageError(f"a pair {name!r} is running", f"choose another name, or `colo pair down --name {name}`")
    if name is not None and not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a pair", "take up to 32 letters, digits, - and _")
    usual = (f"{USUAL}{number if number > 1 else ''}" for number in count(1))
    name = name or next(one for one in usual if one not in taken)
    pair = Running(name, place / name)
    if len(os.fsencode(pair.folder / DEEPEST)) > LONGEST:
        raise MachineError(
            f"{pair.folder} is too long a path for sockets", "set XDG_RUNTIME_DIR to a shorter one, of mode 0700"
        )
    announce(pair.folder)
    pair.folder.mkdir(mode=0o700)
    return pair


def await_removal(folder: Path) -> None:
    """Return when a guardian has removed the folder, or remove it where none does."""
    with suppress(WaitTimeout):
        wait_until(f"{folder} to go", lambda: not folder.exists(), timeout=PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)


def dead(place: Path) -> list[Running]:
    """Return what a power cut left of pairs; nobody keeps them. `place` is from `registry`."""
    return [pair for pair in _all(place) if not pair.lives()]


def bury(pair: Running) -> None:
    """Remove what is left of a pair that nobody keeps, so that its name is free."""
    sweep(pair.folder)
    shutil.rmtree(pair.folder, ignore_errors=True)


def _all(place: Path) -> list[Running]:
    return [Running(folder.name, folder) for folder in sorted(place.iterdir()) if folder.is_dir()]


def _living(place: Path) -> list[Running]:
    """Return the pairs of the registry; what a power cut left of one is removed."""
    for pair in dead(place):
        bury(pair)
    return _all(place)
