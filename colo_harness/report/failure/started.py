"""Started: what of COLO's parts both sides were started with, read from their command lines."""

import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from colo_harness.colo.inspection import DOCUMENTED, PROXY

LINES = "argv.txt"
SHOWN = ("-machine", "-accel", "-smp", "-m", "-netdev", "-device", "-object", "-chardev", "-drive", "-incoming")


def started(folder: Path) -> str:
    """Return the options of each QEMU that has to do with COLO, one a line, and what the document has besides."""
    parts = []
    for path in sorted(folder.rglob(LINES)):
        words = shlex.split(path.read_text(encoding="utf-8"))
        options = [(flag, value) for flag, value in pairwise(words) if flag in SHOWN]
        lines = [f"  {flag} {value}" for flag, value in options]
        parts += [f"{path.parent.name}:", *lines, *(f"  {line}" for line in _absent(words))]
    return "".join(f"{line}\n" for line in parts)


def _absent(words: list[str]) -> Iterator[str]:
    """Yield the document's objects that a side which has a proxy was started without."""
    given = {part.removeprefix("id=") for word in words for part in word.split(",") if part.startswith("id=")}
    if given.isdisjoint(PROXY):
        return
    side = "primary" if PROXY[0] in given else "secondary"
    for name, kind in DOCUMENTED[side].items():
        if name not in given:
            yield f"ABSENT: {kind} {name}, which the document starts a {side} with"
