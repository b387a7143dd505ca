"""A program on a terminal of its own, at which somebody presses Ctrl-C."""

import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LIMIT = 180.0
"""Seconds until what is awaited comes, on the busiest machine."""
_LOOKS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """Runs `argv` in `cwd`; its output is kept as it comes. Leaving the context kills what still runs of it."""

    def __init__(self, argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._raw = b""
        self.pid, self._keys = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], [str(word) for word in argv], dict(env))  # noqa: S606 - no shell is meant

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._keys)
        with suppress(ProcessLookupError, ChildProcessError):
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    @property
    def text(self) -> str:
        """What was printed so far, without colours."""
        return _LOOKS.sub("", self._raw.decode(errors="replace"))

    def press(self) -> None:
        """Press Ctrl-C."""
        os.write(self._keys, b"\x03")

    def await_(self, what: Callable[[], object]) -> bool:
        """Read on until `what` is so; say whether it came before the program's end. Raises TimeoutError."""
        deadline = time.monotonic() + LIMIT
        while not what():
            if time.monotonic() > deadline:
                raise TimeoutError(self.text)
            if not self._read():
                return bool(what())
        return True

    def end(self) -> int:
        """Read to the end; return the exit status, -N for signal N. Raises TimeoutError."""
        self.await_(lambda: False)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        """Take in what comes within a glance; say whether there is more to come."""
        if not select.select([self._keys], [], [], 0.01)[0]:
            return True
        try:
            came = os.read(self._keys, 65536)
        except OSError:  # how a terminal without a program ends
            return False
        self._raw += came
        return bool(came)
