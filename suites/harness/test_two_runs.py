"""Two runs at once never meet, whosever they are."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen

import pytest

from colo_harness.machine.holding import LOCK, scratch
from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from fixtures.settings import GUARDIAN
from suites.harness.ordinary import becoming

COLO = str(Path(sys.executable).with_name("colo"))
LIMIT = 240.0
PAIR = ("suites/lifecycle/test_start.py", "-k", "test_checkpoints_go_on and tcg and not control:")
PLAIN = ("suites/harness/test_guardian.py", "suites/harness/test_growth.py")


@pytest.fixture
def shared(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Path]:
    """A temporary folder that every user may use."""
    with ExitStack() as stack:
        shared = stack.enter_context(scratch("colo-", settings.run_dir.parent))
        pytestconfig.stash[GUARDIAN].add_folder(shared)
        stack.callback(pytestconfig.stash[GUARDIAN].drop_folder, shared)
        shared.chmod(0o1777)
        yield shared


def start(shared: Path, settings: Settings, name: str, *tests: str, becoming: tuple[str, ...] = ()) -> "Popen[str]":
    """Start a run of these tests, whose results go below `shared`."""
    argv = [*becoming, sys.executable, "-m", "pytest", "-q", *tests, f"--cache-dir={settings.cache_dir}"]
    argv += [f"--results-dir={shared / name}"]
    return Popen(argv, env={**os.environ, "TMPDIR": str(shared)}, stdout=PIPE, stderr=STDOUT, text=True)


def estates(shared: Path) -> int:
    """Return how many runs have their folder."""
    return len(list(shared.glob(f"colo-*/{LOCK}")))


def test_two_runs_at_once_do_not_meet(shared: Path, settings: Settings) -> None:
    """With pairs of their own, from one cache: both pass, and `colo clean` takes neither for dead."""
    home = shared / "home"
    home.mkdir(mode=0o700)
    with start(shared, settings, "one", *PAIR) as one, start(shared, settings, "two", *PAIR) as two:
        wait_until("both runs", lambda: estates(shared) == 2, timeout=LIMIT)
        clean = [COLO, "clean", "--dry-run", f"--cache-dir={shared / 'cache'}"]
        environment = {**os.environ, "TMPDIR": str(shared), "XDG_RUNTIME_DIR": str(home)}
        said = subprocess.check_output(clean, env=environment, text=True)
        told = [run.communicate(timeout=LIMIT)[0] for run in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), told
    assert said == "nothing to clean\n"
    assert estates(shared) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's programs")
def test_runs_of_two_users_do_not_meet(shared: Path, settings: Settings) -> None:
    """In one temporary folder: neither's audit holds against a test what the other one does."""
    (shared / "his").mkdir()
    with (
        start(shared, settings, "mine", *PLAIN) as mine,
        start(shared, settings, "his", *PLAIN, becoming=becoming(shared / "his")) as his,
    ):
        told = [run.communicate(timeout=LIMIT)[0] for run in (mine, his)]
    assert (mine.returncode, his.returncode) == (0, 0), told
    assert estates(shared) == 0
