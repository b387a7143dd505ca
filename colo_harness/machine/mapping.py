"""The memory that a process has mapped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAPPING = re.compile(
    r"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<rights>\S+) \S+ \S+ \d+ *(?P<name>\S*)\n"
    r"(?:[A-Z].*\n)*?VmFlags:(?P<flags>[ \w]*)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Mapping:
    """One stretch of `size` bytes; `dumped` is whether a core file has it (madvise(2), MADV_DONTDUMP)."""

    size: int
    dumped: bool


def mappings(pid: int) -> Iterator[Mapping]:
    """Yield those of private, writable memory without a name, in order of address. Raises OSError.

    The kernel joins neighbours that are of one kind: what was mapped on its own may be found as a part of a longer one.
    """
    for one in _MAPPING.finditer(Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8")):
        if one["rights"].startswith("rw") and one["rights"].endswith("p") and not one["name"]:
            yield Mapping(int(one["end"], 16) - int(one["start"], 16), "dd" not in one["flags"].split())
