"""The errors of the harness: what QEMU broke is an `AssertionError`, everything else is ours."""

# AssertionError
# └── ProductFailure        QEMU, or COLO in it, did not do what its documents promise
#     ├── WaitTimeout       it did not happen before the deadline
#     ├── CommandError      QEMU refused a command
#     ├── LaunchFailure     QEMU died, or never answered, at start
#     ├── MonitorLost       QEMU died, or stopped answering, later
#     ├── GuestFailure      the guest's software or its services are not what was sent
#     └── StartupFailed     a pair never entered COLO, so nothing else was tried
# Exception
# ├── Undecided             the run cannot tell: a verdict of `unknown`
# └── HarnessError          with a remedy for the user
#     ├── UsageError        options, markers, settings
#     ├── MachineError      the machine lacks a right, a tool or space
#     ├── CacheError        fetching or keeping QEMU releases and guest images
#     └── LeftBehind        a test left something of ours on the machine


class ProductFailure(AssertionError):
    """QEMU broke a promise: reported as a failed claim."""

    @property
    def brief(self) -> str:
        """The failure on one line: what failed, and the last thing that was seen or said."""
        first, *rest = str(self).strip().splitlines() or [type(self).__name__]
        return ": ".join([first.partition("; last seen: argv: ")[0], *rest[-1:]])


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


class MonitorLost(ProductFailure):
    """A monitor that answered before does not answer any more; the text says what QEMU's threads do."""


class GuestFailure(ProductFailure):
    """A guest did not boot, or a service in it answered nonsense."""


class StartupFailed(ProductFailure):
    """No pair enters COLO on this QEMU; the text carries the states that were seen."""


class Undecided(Exception):
    """The history does not show whether the claim holds; never counted as a pass."""


class HarnessError(Exception):
    """The harness or the machine is at fault; `remedy` tells the user what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class UsageError(HarnessError):
    """An option, marker or setting makes no sense."""


class MachineError(HarnessError):
    """The machine lacks a right, a tool, a device or space."""


class CacheError(HarnessError):
    """A release or image cannot be fetched, verified or kept."""


class LeftBehind(HarnessError):
    """A test is over, and something that it made is still there."""
