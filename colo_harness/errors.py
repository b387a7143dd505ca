"""The errors of the harness: what QEMU broke is an `AssertionError`, everything else is ours."""

import errno
import os
from typing import Self

# AssertionError
# └── ProductFailure        QEMU, or COLO in it, did not do what its documents promise
#     ├── WaitTimeout       it did not happen before the deadline
#     ├── CommandError      QEMU refused a command
#     ├── LaunchFailure     QEMU died, or never answered, at start
#     ├── MonitorLost       QEMU died, or stopped answering, later
#     ├── GuestFailure      the guest's software or its services are not what was sent
#     └── StartupFailed     a pair never entered COLO
#         └── NotTried      so what needs one was not tried again
# Exception
# ├── Undecided             the run cannot tell: a verdict of `unknown`
# └── HarnessError          with a remedy for the user
#     ├── UsageError        options, markers, settings
#     ├── MachineError      the machine lacks a right, a tool or space
#     ├── OutOfReach        on real hosts this cannot be done
#     ├── CacheError        fetching or keeping QEMU releases and guest images
#     └── LeftBehind        a test left something of ours on the machine


_ROOM = "make room where the cache, the results and temporary files are (--cache-dir, --results-dir, TMPDIR)"
_PLACES = "make it writable, or name another place: --cache-dir, --results-dir or TMPDIR"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _PLACES),
}
NO_SPACE = os.strerror(errno.ENOSPC)
"""What programs that we start say where a disk is full."""


def printable(text: str) -> str:
    """Return lines that no terminal takes for commands: guests and strangers wrote some of them."""
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in text)


def _on_one_line(text: str) -> str:
    """Return the first line, which says what failed, and the last one, which is what was seen or said last."""
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return ": ".join([first.partition("; last seen: argv: ")[0].rstrip(":"), *rest[-1:]])


class ProductFailure(AssertionError):
    """QEMU broke a promise: reported as a failed claim."""

    remedy = ""
    """What whoever works on that QEMU can do, where there is something to be said."""

    @property
    def brief(self) -> str:
        """The failure on one line: what failed, and the last thing that was seen or said."""
        return _on_one_line(str(self)) or type(self).__name__


class WaitTimeout(ProductFailure):
    """What was awaited did not happen before its deadline; the text says what was seen last."""


class CommandError(ProductFailure):
    """QEMU answered a command with an error; `kind` is QEMU's error class, `description` its words."""

    def __init__(self, command: str, kind: str, description: str) -> None:
        super().__init__(f"{command}: {description} ({kind})")
        self.command = command
        self.kind = kind
        self.description = description


class LaunchFailure(ProductFailure):
    """QEMU died or stayed mute at start; the text holds argv, exit status and stderr."""

    remedy = "start that command line by hand, or under gdb: it needs nothing of the harness"


class MonitorLost(ProductFailure):
    """A monitor that answered before does not answer any more.

    The text holds the last messages, and what QEMU's threads do.
    """

    remedy = "--core keeps a core file of a QEMU that hangs; --keep-artifacts all that it said"


class GuestFailure(ProductFailure):
    """A guest did not boot, or a service in it answered nonsense."""


class StartupFailed(ProductFailure):
    """No pair enters COLO on this QEMU; the text carries the states that were seen."""

    remedy = "the reference QEMU replicates: a run without --qemu tells whether it is the machine"


class NotTried(StartupFailed):
    """An earlier pair of the run did not start, so this one was not tried; the text says why that one did not."""


class Undecided(Exception):
    """The history does not show whether the claim holds; never counted as a pass."""


class HarnessError(Exception):
    """The harness or the machine is at fault; `remedy` tells the user what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy

    @property
    def brief(self) -> str:
        """What users see: the problem on one line, the remedy on the next."""
        problem = _on_one_line(self.problem)
        return f"{problem}\n  {self.remedy}" if self.remedy else problem


class UsageError(HarnessError):
    """An option, marker or setting makes no sense."""


class MachineError(HarnessError):
    """The machine lacks a right, a tool, a device or space."""

    @classmethod
    def of(cls, trouble: OSError, remedy: str = "") -> Self:
        """Put what the system refused into words; without a remedy, with one that suits the refusal."""
        what = ": ".join(str(part) for part in (trouble.filename, trouble.strerror or trouble) if part)
        return cls(what, remedy or _REMEDIES.get(trouble.errno or 0, "see what the system says"))


class OutOfReach(HarnessError):
    """The pair's hosts are real, and what was asked for can be done to hosts that are namespaces of ours alone."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, "run it without --hosts")


class CacheError(HarnessError):
    """A release or image cannot be fetched, verified or kept."""


class LeftBehind(HarnessError):
    """A test is over, and something that it made is still there."""
