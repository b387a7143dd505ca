"""What a long step says while it works."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""Takes one line of plain text, without a newline, each time something worth knowing happens."""


def quiet(_line: str) -> None:
    """Say nothing."""
