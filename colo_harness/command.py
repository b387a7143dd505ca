"""The command `colo` from its first moment on: Ctrl-C is heard in good order while the rest is being imported, too."""

import signal
import sys
from types import FrameType
from typing import NoReturn

from colo_harness.machine.interrupt import insisting
from colo_harness.machine.privacy import keep_private

BROKEN = 2
"""Exit status when the harness, the machine or the usage is at fault; a failed claim has another."""


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """End what runs, in good order; a second Ctrl-C cannot make that quicker, only less orderly."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen() -> None:
    """Hear the next Ctrl-C."""
    signal.signal(signal.SIGINT, interrupt)


def main() -> None:
    """Run the command line and exit."""
    keep_private()
    listen()
    sys.unraisablehook = insisting(listen)
    try:
        from colo_harness import cli  # noqa: PLC0415 - a quarter of a second, in which Ctrl-C may be pressed
    except KeyboardInterrupt:
        sys.stderr.write("colo: interrupted\n")
        sys.exit(BROKEN)
    cli.main()
