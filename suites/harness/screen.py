"""A terminal as somebody sees it: what a program has drawn is kept as a screen of so many columns and lines."""

import fcntl
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyte

from suites.harness.terminal import Terminal


class Screen(Terminal):
    """Runs `argv` on a terminal of that size; `shown` is what is to be seen, the lines that scrolled away included."""

    def __init__(
        self, argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], columns: int = 100, lines: int = 30
    ) -> None:
        super().__init__(argv, cwd=cwd, env={**env, "TERM": "xterm-256color"})
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000, ratio=1.0)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window larger or smaller."""
        fcntl.ioctl(self._keys, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)

    @property
    def shown(self) -> str:
        """All lines, from the first one on."""
        self._draw()
        above = ["".join(line[x].data for x in range(self._screen.columns)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self._screen.display])

    @property
    def cursor_is_shown(self) -> bool:
        """Whether the cursor is to be seen."""
        self._draw()
        return not self._screen.cursor.hidden

    def _draw(self) -> None:
        self._stream.feed(self._raw[self._fed :])
        self._fed = len(self._raw)
