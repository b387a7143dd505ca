"""The mark of a run: what everything that it starts carries in its environment, through double forks and sessions.

It is a chain of folders, the outermost run's first: a test may start a run of its own. A guardian carries its owner's
chain under another name, since it has to outlive its owner. The guardian imports this module: standard library only.
"""

import os
import zlib
from contextlib import suppress
from pathlib import Path

RUN = "COLO_RUN"
GUARDIAN = "COLO_GUARDIAN"
_NUMBERS = 0x7FFFFFFF
"""Link groups are positive; 0 is everybody's."""


def chain() -> tuple[str, ...]:
    """Return the folders that this process marks its children with."""
    return _parsed(os.environ.get(RUN, ""))


def guardians_environment() -> dict[str, str]:
    """Return the environment of a guardian of this process."""
    environment = dict(os.environ)
    if marked := environment.pop(RUN, ""):
        environment[GUARDIAN] = marked
    return environment


def link_group() -> int:
    """Return the group that links of this process's tests are in, by which they are told from others' links."""
    folders = chain()
    return zlib.crc32(os.fsencode(folders[-1])) & _NUMBERS or 1 if folders else 0


def everybody() -> list[int]:
    """Return the pids of all processes that can be seen here."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]  # noqa: PTH208 - half pathlib's time


def borne(pid: int, *names: str) -> tuple[str, ...] | None:
    """Return the chain that a process carries under one of `names`, by default RUN.

    None where nothing is to be read: of zombies, of the kernel's threads, and for a moment during exec. What belongs
    to other users shows no chain.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            entries = file.read()
    except PermissionError:
        return ()
    except OSError:
        return None
    if not entries:
        return None
    for entry in entries.split(b"\0") if b"COLO_" in entries else ():
        name, _, value = entry.partition(b"=")
        if os.fsdecode(name) in (names or (RUN,)):
            return _parsed(os.fsdecode(value))
    return ()


def bearers(folder: Path, *names: str) -> list[int]:
    """Return the pids of the living processes that carry `folder` in their chain."""
    return [pid for pid in everybody() if str(folder) in (borne(pid, *names) or ())]


def command(pid: int) -> str:
    """Return a process's command line, or what the kernel calls it."""
    with suppress(OSError):
        if words := Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0"):
            return words.replace(b"\0", b" ").decode(errors="replace")
        return f"[{Path(f'/proc/{pid}/comm').read_text(encoding='utf-8', errors='replace').strip()}]"
    return "[ended]"


def _parsed(value: str) -> tuple[str, ...]:
    return tuple(value.split(os.pathsep)) if value else ()
