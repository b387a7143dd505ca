"""What QEMU writes of its trace events under `-msg timestamp=on`: each release in its form."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

_STAMP = r"(?:(?P<stamp>\S+Z) |\d+@(?P<seconds>\d+\.\d+):)"
"""11.1.3 writes that of all its messages; 10.0.13 the process, and seconds of CLOCK_REALTIME."""
_MESSAGE = re.compile(_STAMP + r"(?P<event>\w+) .*'(?P<message>[\w-]+)'")
_OLD_FRAME = re.compile(_STAMP + r"(?P<event>colo_old_packet_check_found) .*?(?P<born>\d+)$")
"""colo-compare found a frame that has waited too long, and says when it came: milliseconds of CLOCK_REALTIME."""


@dataclass(frozen=True)
class Trace:
    """A line of the trace: when it was written, in seconds of CLOCK_REALTIME, and of what."""

    at: float
    event: str
    message: str = ""
    """The message of COLO's protocol that it is about."""
    born: float = 0.0
    """When the frame that it is about had come, in seconds of CLOCK_REALTIME; 0 where it is about none."""

    @classmethod
    def of(cls, line: str) -> Self | None:
        """Read a line; None for one that is about neither message nor frame."""
        try:
            if told := _MESSAGE.match(line):
                return cls(_seconds(told), told["event"], message=told["message"])
            if told := _OLD_FRAME.match(line):
                return cls(_seconds(told), told["event"], born=int(told["born"]) / 1000)
        except (ValueError, OverflowError):  # a time that is none
            return None
        return None


def _seconds(told: re.Match[str]) -> float:
    return datetime.fromisoformat(told["stamp"]).timestamp() if told["stamp"] else float(told["seconds"])
