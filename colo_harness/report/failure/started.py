"""Started: what of COLO's parts both sides were started with, read from their command lines."""

import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

LINES = "argv.txt"
SHOWN = ("-machine", "-accel", "-smp", "-m", "-netdev", "-device", "-object", "-chardev", "-drive", "-incoming")


def lines_of(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each host whose QEMU was started, and the words of its command line."""
    for path in sorted(folder.rglob(LINES)):
        yield path.parent.name, shlex.split(path.read_text(encoding="utf-8"))


def options(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return the options that have to do with COLO."""
    return [(flag, value) for flag, value in pairwise(words) if flag in SHOWN]


def started(folder: Path) -> str:
    """Return these of each QEMU, one a line."""
    return "".join(
        f"{host}:\n" + "".join(f"  {flag} {value}\n" for flag, value in options(words))
        for host, words in lines_of(folder)
    )
