"""Ctrl-C, once and twice, at any moment: an end in good order, with verdicts, and nothing left."""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from fixtures.settings import GUARDIAN
from suites.harness.innersuite import LOADED, InnerSuite
from suites.harness.terminal import LIMIT, Terminal

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TEST = "suites/lifecycle/test_start.py::test_boot_sectors_enter_colo[tcg]"
RANDOM = random.Random(3)  # noqa: S311 - moments, not secrets


@dataclass(frozen=True)
class Home:
    """Where a program of a test leaves whatever it leaves."""

    place: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """What sends everything there."""
        places = {"TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run", "XDG_CACHE_HOME": "xdg"}
        return {**os.environ, "COLUMNS": "200", **{name: str(self.place / one) for name, one in places.items()}}

    def colo(self, *arguments: str) -> Terminal:
        """Type `colo …`."""
        return Terminal([BIN / "colo", *arguments], cwd=self.place, env=self.environment)

    def run(self) -> Terminal:
        """Type `colo run` for one test on a real pair."""
        places = [f"--json={self.place / 'verdicts.json'}", f"--results-dir={self.place / 'results'}"]
        return self.colo("run", *places, "--", TEST)

    @property
    def verdicts(self) -> dict[str, Any]:
        """What was written for --json."""
        document: dict[str, Any] = json.loads((self.place / "verdicts.json").read_text(encoding="utf-8"))
        return document

    def left(self) -> list[str]:
        """Return processes that were started with this home, and what lies in its folders."""
        found = [str(path) for name in ("tmp/colo-*", "run/colo-pairs/[!.]*") for path in self.place.glob(name)]
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                knows = os.fsencode(self.place) in (entry / "environ").read_bytes()
            except OSError:
                continue
            found += [(entry / "comm").read_text()] if knows else []
        return found

    def assert_clean(self) -> None:
        """Wait until all is gone: guardians may be at it still."""
        wait_until("nothing to be left", lambda: not self.left(), timeout=LIMIT, seen=self.left)


@pytest.fixture
def home(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Home]:
    """A home with a filled cache, of a short path."""
    guardian = pytestconfig.stash[GUARDIAN]
    with TemporaryDirectory(prefix="home-", dir="/tmp") as name:
        place = Path(name)
        guardian.add_folder(place)
        for folder in ("tmp", "run", "xdg"):
            (place / folder).mkdir(mode=0o700)
        (place / "xdg/colo-harness").symlink_to(settings.cache_dir)
        yield Home(place, settings)
        guardian.drop_folder(place)


def printed(pattern: str) -> Callable[[Terminal, Home], object]:
    """Return the moment at which this has been printed."""
    return lambda terminal, _: re.search(pattern, terminal.text)


def characters(number: int) -> Callable[[Terminal, Home], object]:
    """Return the moment at which so much has been printed."""
    return lambda terminal, _: len(terminal.text) >= number


def _a_qemu(_: Terminal, home: Home) -> object:
    return list(home.place.glob("tmp/colo-*/*/*/host_a/argv.txt"))


MOMENTS = {
    "set-up": printed(r"QEMU \S+ is whole"),
    "head": printed("generator is installed"),
    "collection": printed("test session starts"),
    "test": _a_qemu,
    "report": printed("making the HTML"),
    **{f"random-{n}": characters(n) for n in sorted(RANDOM.sample(range(2000), 2))},
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_colo_run_is_interrupted(moment: str, home: Home) -> None:
    """Status 2, a line that says so, the verdicts written, no traceback, nothing left."""
    with home.run() as terminal:
        assert terminal.await_(lambda: MOMENTS[moment](terminal, home)), terminal.text
        terminal.press()
        status = terminal.end()
    assert "Traceback" not in terminal.text
    assert (status, "colo: interrupted" in terminal.text) == (2, True), terminal.text
    assert any("interrupted" in line for line in home.verdicts["broken"])
    assert moment != "report" or [claim["verdict"] for claim in home.verdicts["claims"]] == ["valid"]
    home.assert_clean()


@pytest.mark.parametrize("moment", ["set-up", "test"])
def test_colo_run_is_interrupted_twice(moment: str, home: Home) -> None:
    """At once, and yet as orderly."""
    with home.run() as terminal:
        assert terminal.await_(lambda: MOMENTS[moment](terminal, home)), terminal.text
        terminal.press()
        terminal.press()
        status = terminal.end()
    assert "Traceback" not in terminal.text
    assert (status, "colo: interrupted" in terminal.text) == (2, True), terminal.text
    assert any("interrupted" in line for line in home.verdicts["broken"])
    home.assert_clean()


AMID_IMPORTS = """
import os, signal, sys
from colo_harness import command

class Finder:
    def find_spec(self, name, *_):
        if name == "typer.core":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
command.main()
"""


def test_colo_is_interrupted_amid_its_imports() -> None:
    """Which take most of its first half second."""
    ran = subprocess.run(
        [sys.executable, "-c", AMID_IMPORTS], capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert (ran.returncode, ran.stderr) == (2, "colo: interrupted\n")


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", ["asking QEMU", "making its guest", "into COLO"])
def test_colo_pair_up_is_interrupted(step: str, times: int, home: Home) -> None:
    """Nothing of the pair stays, whatever it was about."""
    with home.colo("pair", "up", "--guest", "tick") as terminal:
        assert terminal.await_(lambda: step in terminal.text), terminal.text
        for _ in range(times):
            terminal.press()
        status = terminal.end()
    assert "Traceback" not in terminal.text
    assert (status, "colo: interrupted" in terminal.text) == (2, True), terminal.text
    home.assert_clean()


INNER = """
    from pathlib import Path
    from colo_harness.wait import pause

    HOME = Path(os.environ["XDG_RUNTIME_DIR"])

    @pytest.fixture
    def slow_to_end():
        yield
        (HOME / "ending").touch()
        if (HOME / "slow").exists():
            pause(1000)

    @claim("FT-1")
    @control(sabotage="no-rewriter", checker="nothing_lost")
    def test_passes(sabotage):
        judge(sabotage)

    @claim("FT-1")
    def test_runs(slow_to_end):
        (HOME / "running").touch()
        pause(1000)
"""


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize("times", [1, 2])
def test_pytest_is_interrupted(times: int, processes: str, home: Home, pytester: pytest.Pytester) -> None:
    """What ran stays judged; fixtures end where there is time for it, and with the second Ctrl-C there is none."""
    suite = InnerSuite(pytester)
    suite.tests(INNER)
    run = home.place / "run"
    (run / "slow").write_text("") if times > 1 else None
    argv = [sys.executable, "-m", "pytest", *LOADED, "-p", "fixtures.interrupt", "-v", "-n", processes]
    with Terminal(argv, cwd=pytester.path, env=home.environment) as terminal:
        assert terminal.await_(lambda: (run / "running").exists() and terminal.text.count("PASSED") > 1), terminal.text
        terminal.press()
        if times > 1:
            assert terminal.await_((run / "ending").exists), terminal.text
            terminal.press()
        status = terminal.end()
    document = json.loads((pytester.path / "results/claims.json").read_text(encoding="utf-8"))
    assert (status, (run / "ending").exists()) == (2, True), terminal.text
    assert "Traceback" not in terminal.text
    assert any(line.startswith("interrupted") for line in document["broken"])
    assert "the run ended before its test did" in document["claims"][0]["reason"]
    assert "suites/failover/test_a.py::test_passes" not in document["claims"][0]["failed_tests"]
    home.assert_clean()


SWALLOWING = """
import signal, sys
from colo_harness import command
from colo_harness.wait import pause

class Mute:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

command.listen()
sys.unraisablehook = command.insisting(command.listen)
try:
    Mute()
    pause(20)
except KeyboardInterrupt:
    print("heard")
"""


def test_what_python_swallows_is_pressed_again() -> None:
    """Ctrl-C that strikes in a `__del__`, where Python raises nothing, is heard all the same."""
    ran = subprocess.run([sys.executable, "-c", SWALLOWING], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (ran.stdout, ran.stderr) == ("heard\n", "")


def test_what_python_swallows_in_a_test_is_pressed_again(pytester: pytest.Pytester) -> None:
    """In pytest too: the run ends as by any Ctrl-C, and not as by a second one."""
    inner = InnerSuite(pytester)
    inner.tests("""
        class Mute:
            def __del__(self):
                import signal
                signal.raise_signal(signal.SIGINT)

        @claim("FT-1")
        @control(sabotage="no-rewriter", checker="nothing_lost")
        def test_it(sabotage):
            from colo_harness.wait import pause
            Mute()
            pause(20)
        """)
    ran = inner.run_apart("-p", "fixtures.interrupt")
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert any("interrupted" in line for line in ran.broken)
    assert "twice" not in ran.text
