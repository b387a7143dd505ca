"""The memory mappings of a process."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAPPING = re.compile(
    r"^(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) .*?^VmFlags:(?P<flags>[ \w]*)$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Mapping:
    """One stretch of `size` bytes; `dumped` is whether a core file has it (madvise(2), MADV_DONTDUMP)."""

    size: int
    dumped: bool


def mappings(pid: int) -> Iterator[Mapping]:
    """Yield them in order of address. Raises OSError where there is no such process."""
    for one in _MAPPING.finditer(Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8")):
        yield Mapping(int(one["end"], 16) - int(one["start"], 16), "dd" not in one["flags"].split())
