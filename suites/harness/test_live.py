"""The live view: on a terminal people see what runs, and the terminal is as it was when the run is over."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from colo_harness.report import durations
from colo_harness.report.board import Board, span
from suites.harness.innersuite import LOADED, InnerSuite
from suites.harness.screen import Screen

ALONE, TWO = (), ("-n", "2")
EACH = pytest.mark.parametrize("workers", [ALONE, TWO], ids=["alone", "two workers"])
TESTS = """
from pathlib import Path
from colo_harness.history import History
from colo_harness.wait import wait_until
from fixtures.live import listener

@claim("FT-1")
def test_fails():
    raise violation()

@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_passes(sabotage):
    judge(sabotage)

@claim("FT-1")
def test_takes_long(request):
    history = History(heard=listener(request.node))
    history.record("phase", "pair", "replicating")
    history.record("fault", "nemesis", "kill-primary", type="inject")
    wait_until("the one outside", Path("go").exists, timeout=120)
"""


class Watched:
    """An inner suite on a terminal."""

    def __init__(self, suite: InnerSuite, place: Path) -> None:
        suite.tests(TESTS)
        self.suite, self.place = suite, place

    @contextmanager
    def run(self, *arguments: str, columns: int = 100, lines: int = 30) -> Iterator[Screen]:
        """Run pytest with a live view there."""
        argv = [sys.executable, "-m", "pytest", *LOADED, "-p", "fixtures.live", f"--live={self.place / 'times'}"]
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "CI")}
        with Screen([*argv, *arguments], cwd=self.place, env=environment, columns=columns, lines=lines) as screen:
            yield screen

    def go(self) -> None:
        """Let the test go on that waits."""
        (self.place / "go").touch()


@pytest.fixture
def watched(pytester: pytest.Pytester) -> Watched:
    """A test that fails, one that passes, with its control, and one that waits."""
    return Watched(InnerSuite(pytester), pytester.path)


@EACH
def test_what_runs_is_shown_and_the_terminal_is_as_it_was(watched: Watched, workers: tuple[str, ...]) -> None:
    """Area, running test, its last step, what failed; in the end no board, one summary, and the cursor to be seen."""
    with watched.run(*workers) as screen:
        screen.await_(lambda: "3 of 4 tests, 1 failed" in screen.shown and "kill-primary" in screen.shown)
        shown = screen.shown
        watched.go()
        status = screen.end()
    assert re.search(r"^failover .* 3 of 4 +1 failed", shown, re.MULTILINE), shown
    assert re.search(r"^\d+ s +kill-primary +test_a::test_takes_long", shown, re.MULTILINE), shown
    assert "invalid  suites/failover/test_a.py::test_fails\n  nothing_lost: record 7 is lost" in shown
    assert (status, screen.cursor_is_shown) == (1, True)
    assert "of 4 tests" not in screen.shown
    assert "F..." not in screen.shown
    assert screen.shown.count("invalid   FT-1") == 1
    assert "1 failed, 3 passed" in screen.shown


@pytest.mark.parametrize(("presses", "workers"), [(1, ALONE), (2, ALONE), (1, TWO)])
def test_ctrl_c_ends_the_view_and_the_summary_is_there(
    watched: Watched, presses: int, workers: tuple[str, ...]
) -> None:
    """Pressed once the verdicts follow, pressed again the run ends at once; either way the cursor is there."""
    with watched.run(*workers, "-p", "fixtures.interrupt") as screen:
        screen.await_(lambda: "3 of 4 tests" in screen.shown)
        for _ in range(presses):
            screen.press()
        status = screen.end()
    assert screen.cursor_is_shown
    assert status == 2
    assert presses == 2 or "invalid   FT-1" in screen.shown


@pytest.mark.parametrize(("columns", "lines"), [(20, 6), (300, 60)])
def test_a_window_of_any_size_will_do(watched: Watched, columns: int, lines: int) -> None:
    """Lines are cut, not broken, also when the window is made smaller meanwhile."""
    with watched.run(columns=120) as screen:
        screen.await_(lambda: "3 of 4 tests" in screen.shown)
        screen.resize(columns, lines)
        watched.go()
        assert screen.end() == 1
    assert "of 4 tests" not in screen.shown
    assert screen.cursor_is_shown


@pytest.mark.parametrize(("wish", "usual"), [("-v", "test_passes PASSED"), ("-q", "F...")])
def test_who_wants_to_be_told_otherwise_is(watched: Watched, wish: str, usual: str) -> None:
    """With -v and -q pytest prints what it always does."""
    watched.go()
    with watched.run(wish) as screen:
        screen.end()
    assert usual in screen.shown


def test_off_a_terminal_all_is_printed_as_ever(watched: Watched) -> None:
    """With --live and without the same lines come, but for the times."""
    watched.go()
    told = [watched.suite.run("-p", "fixtures.live", *live).text for live in ((), ("--live=times",))]
    usual, live = (re.sub(r"[\d.]+ ?s\b", "", text) for text in told)
    assert usual == live
    assert "suites/failover/test_a.py F..." in live


def test_what_a_test_took_is_expected_the_next_time(watched: Watched) -> None:
    """It is told beside what it has taken so far, and learnt anew."""
    (watched.place / "times").write_text('{"suites/failover/test_a.py::test_takes_long": 4242}', encoding="utf-8")
    with watched.run() as screen:
        screen.await_(lambda: re.search(r"s of some 1:10:42 +kill-primary", screen.shown))
        watched.go()
        screen.end()
    learnt = durations.load(watched.place / "times")
    assert len(learnt) == 4
    assert max(learnt.values()) < 4242


def _drawn(board: Board, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, height=20)
    with console.capture() as capture:
        console.print(board)
    return capture.get()


def test_what_is_left_is_what_tests_took_the_last_time() -> None:
    """Less what those that run have taken, divided by those who work; what nobody timed is said."""
    now = [100.0]
    board = Board({"suites/proxy/a.py::x": 60.0, "suites/proxy/a.py::y": 20.0}, 2, clock=lambda: now[0])
    board.plan(["suites/proxy/a.py::x", "suites/proxy/a.py::y", "suites/resume/b.py::z"])
    board.begin("suites/proxy/a.py::x")
    now[0] += 30
    assert "0 of 3 tests in 30 s; some 25 s to go, and 1 tests that were never timed here" in _drawn(board)
    assert "30 s of some 1:00    a::x" in _drawn(board)


def test_where_nothing_was_timed_nothing_is_expected() -> None:
    """It is said that it is unknown."""
    board = Board({}, clock=lambda: 0.0)
    board.plan(["suites/proxy/a.py::x"])
    assert "0 of 1 tests in 0 s; how long to go is unknown" in _drawn(board)


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (75, "1:15"), (7380, "2:03:00")])
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """Seconds below a minute, then a clock."""
    assert span(seconds) == said


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "b"}', "{"])
def test_a_damaged_file_of_times_is_nothing(text: str, tmp_path: Path) -> None:
    """It is no more than an expectation, and the next run writes it anew."""
    (tmp_path / "times").write_text(text, encoding="utf-8")
    assert durations.load(tmp_path / "times") == {}
    durations.save(tmp_path / "times", {"a": 1.5})
    assert durations.load(tmp_path / "times") == {"a": 1.5}
