"""The threads of a process, by the names that they give themselves."""

import re
from contextlib import suppress
from pathlib import Path

from colo_harness.machine.process import Process

LEADER = "leader"
"""The name that a group leader's main thread has here, whatever its program is called."""


def named(process: Process, name: str) -> list[int]:
    """Return the ids of the threads of the process's group that are named like `name`, a regular expression."""
    found = []
    for pid in process.group():
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError):
                its = LEADER if task.name == str(pid) else (task / "comm").read_text(encoding="utf-8").strip()
                if re.fullmatch(name, its):
                    found.append(int(task.name))
    return found
