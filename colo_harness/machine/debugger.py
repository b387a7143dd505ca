"""A debugger: the command that attaches gdb to a process, also to one that its dynamic loader was told to start."""

import re
from pathlib import Path
from shlex import join

_LOADER = re.compile(r"ld[-.].*so.*")
SIGNALS = "handle SIGUSR1 SIGPIPE noprint nostop"
"""QEMU wakes its processors with SIGUSR1, all the time."""


def attaching(pid: int) -> str:
    """Return the command, to paste into a shell. Raises OSError when there is no such process.

    In a process that was started as `ld.so --library-path … program` gdb takes the loader for the program, finds the
    libraries by it, and must be told where the program is.
    """
    command = ["gdb", "--pid", str(pid), "-ex", SIGNALS]
    process = Path(f"/proc/{pid}")
    started = (process / "exe").readlink()
    if _LOADER.fullmatch(started.name):
        places = _mapped(process)
        words = (process / "cmdline").read_bytes().split(b"\0")
        programs = [path for word in words if (path := Path(word.decode()).resolve()) in places and path != started]
        command += ["-ex", "set confirm off", "-ex", f"add-symbol-file {programs[0]} -o {places[programs[0]]:#x}"]
    return join(command)


def _mapped(process: Path) -> dict[Path, int]:
    """Return each mapped file with its lowest address, where its first byte is."""
    places: dict[Path, int] = {}
    for line in (process / "maps").read_text(encoding="utf-8").splitlines():
        addresses, *_, path = line.split(maxsplit=5)
        if path.startswith("/"):
            places.setdefault(Path(path), int(addresses.partition("-")[0], 16))
    return places
