"""The board: how far a run is, as people watch it on a terminal."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BROKE = "failed"
"""The outcome that is counted in red."""


@dataclass
class Running:
    """A test that runs: since when, by the board's clock, and the last step that it took."""

    since: float
    step: str = ""


class Board:
    """Tests by area, those that run now, and what is left; any thread may tell it, and draw it.

    `known` has the seconds that tests took the last time, `workers` run at once.
    """

    def __init__(
        self, known: Mapping[str, float], workers: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known, self._workers, self._clock = known, max(workers, 1), clock
        self._began = clock()
        self._lock = threading.Lock()
        self._planned: dict[str, str] = {}
        self._running: dict[str, Running] = {}
        self._done: dict[str, str] = {}

    def plan(self, tests: Iterable[str]) -> None:
        """Learn which tests there will be."""
        with self._lock:
            self._planned.update({test: area(test) for test in tests})

    def begin(self, test: str) -> None:
        """A test starts."""
        with self._lock:
            self._running[test] = Running(self._clock())

    def step(self, test: str, what: str) -> None:
        """It gets on; nothing where it does not run any more."""
        with self._lock:
            if test in self._running:
                self._running[test].step = what

    def end(self, test: str, outcome: str) -> None:
        """It is over."""
        with self._lock:
            self._running.pop(test, None)
            self._done[test] = outcome
            self._planned.setdefault(test, area(test))

    def __rich__(self) -> RenderableType:
        """Return the picture of this moment."""
        with self._lock:
            return Group(self._areas(), self._now(), self._total())

    def _areas(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, min_width=4)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        planned = Counter(self._planned.values())
        done, broke = Counter[str](), Counter[str]()
        for test, outcome in self._done.items():
            done[self._planned[test]] += 1
            broke[self._planned[test]] += outcome == BROKE
        for name, number in planned.items():
            bar = ProgressBar(number, done[name], complete_style="red" if broke[name] else "green")
            failed = Text(f"{broke[name]} failed" if broke[name] else "", "bold red")
            table.add_row(name, bar, f"{done[name]} of {number}", failed)
        return table

    def _now(self) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(no_wrap=True, style="bold", max_width=30)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for test, running in self._running.items():
            took, due = span(self._clock() - running.since), self._known.get(test)
            expected = f" of some {span(due)}" if due is not None else ""
            table.add_row(Text(took + expected), Text(running.step), Text(_short(test)))
        return table

    def _total(self) -> Text:
        count = Counter(self._done.values())
        others = "".join(f", {number} {outcome}" for outcome, number in sorted(count.items()) if outcome != "passed")
        spent = span(self._clock() - self._began)
        line = f"{len(self._done)} of {len(self._planned)} tests{others} in {spent}; {self._left()}"
        return Text(line, no_wrap=True, overflow="ellipsis")

    def _left(self) -> str:
        """Say how long it will take yet, as far as earlier runs tell."""
        left = [test for test in self._planned if test not in self._done]
        spent = {test: self._clock() - running.since for test, running in self._running.items()}
        known = [max(self._known[test] - spent.get(test, 0.0), 0.0) for test in left if test in self._known]
        untold = len(left) - len(known)
        if not known and untold:
            return "how long to go is unknown"
        due = f"some {span(sum(known) / self._workers)} to go"
        return due + (f", and {untold} tests that were never timed here" if untold else "")


def area(test: str) -> str:
    """Return the area of a node id: the folder below suites."""
    parts = test.partition("::")[0].split("/")
    return parts[1] if parts[0] == "suites" and len(parts) > 2 else "others"  # noqa: PLR2004 - suites/AREA/FILE


def span(seconds: float) -> str:
    """Return a time as people say it: `9 s`, `1:15`, `2:03:00`."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(test: str) -> str:
    """Return a node id without its folders."""
    return test.partition("::")[0].rpartition("/")[2].removesuffix(".py") + "::" + test.partition("::")[2]
