"""Telling people what takes its time: a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from colo_harness.machine.progress import Progress


@contextmanager
def steps(console: Console) -> Iterator[Progress]:
    """Yield what takes a line per step; each line is stamped with the seconds since the start."""
    start = time.monotonic()

    def stamped(line: str) -> str:
        return f"{time.monotonic() - start:6.1f} s  {escape(line)}"

    if not console.is_terminal:
        yield lambda line: console.print(stamped(line), soft_wrap=True, highlight=False)
        return
    with console.status("looking around") as status:

        def show(line: str) -> None:
            console.print(stamped(line), soft_wrap=True, highlight=False)
            status.update(escape(line))

        yield show
