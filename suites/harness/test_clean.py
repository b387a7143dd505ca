"""`colo clean` removes what a power cut leaves, and nothing that anybody holds."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from filelock import FileLock

from colo_harness.colo.running import Running
from colo_harness.machine import mark
from colo_harness.machine.guardian import await_exit
from colo_harness.machine.holding import LOCK, Holding, is_abandoned, scratch
from colo_harness.settings import Settings
from fixtures.settings import GUARDIAN
from suites.harness.ordinary import becoming

COLO = str(Path(sys.executable).with_name("colo"))
LIMIT = 60.0
RUN = """
import signal, subprocess
from colo_harness.machine.estate import Estate
estate = Estate()
print(estate.folder, estate.guardian.pid, subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)
signal.pause()
"""


@dataclass(frozen=True)
class Living:
    """A run: its process, its guardian's, a program of its, its folder."""

    process: "Popen[str]"
    folder: Path
    guardian: int
    program: int

    def cut(self) -> None:
        """Kill it together with its guardian, as a power cut does; only the program stays."""
        for pid in (self.guardian, self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(LIMIT)

    @property
    def untouched(self) -> bool:
        """Whether nothing of it is gone."""
        return self.folder.exists() and mark.command(self.program) == "sleep 600"


@dataclass(frozen=True)
class User:
    """Somebody with a temporary folder, where others may have theirs too, and a cache and pairs of his own."""

    temporary: Path
    home: Path
    becoming: tuple[str, ...] = ()
    runs: list[Living] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What his programs find in their environment."""
        return {**os.environ, "TMPDIR": str(self.temporary), "XDG_RUNTIME_DIR": str(self.home)}

    def start(self) -> Living:
        """Start a run."""
        process = Popen([*self.becoming, sys.executable, "-c", RUN], stdout=PIPE, text=True, env=self.environment)
        assert process.stdout is not None
        with process.stdout:
            folder, guardian, program = process.stdout.readline().split()
        self.runs.append(Living(process, Path(folder), int(guardian), int(program)))
        return self.runs[-1]

    def clean(self, *options: str) -> list[str]:
        """Run `colo clean`; return the lines that it prints."""
        argv = [*self.becoming, sys.executable, COLO, "clean", f"--cache-dir={self.home}/cache", *options]
        done = subprocess.run(argv, env=self.environment, capture_output=True, text=True, check=False, timeout=LIMIT)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def end(self) -> None:
        """End what runs."""
        for run in self.runs:
            run.process.kill()
            run.process.wait(LIMIT)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to end with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def user(stack: ExitStack) -> User:
    """Somebody whose cache is empty."""
    place = stack.enter_context(scratch("c"))
    for name in ("t", "h", "h/cache"):
        (place / name).mkdir(mode=0o700)
    user = User(place / "t", place / "h")
    stack.callback(user.end)
    return user


def test_there_is_nothing_to_clean(user: User) -> None:
    """Where every run has ended in good order or still runs."""
    user.start()
    assert user.clean() == ["nothing to clean"]


def test_a_run_that_was_cut_is_removed(user: User, settings: Settings) -> None:
    """Its program and its folder; a living run, and a living pair, beside it stay. A dry run only tells."""
    up = [COLO, "pair", "up", "--guest=tick", f"--cache-dir={settings.cache_dir}"]
    subprocess.run(up, env=user.environment, check=True, capture_output=True, timeout=LIMIT)
    pair = Running("pair", user.home / "colo-pairs" / "pair")
    try:
        alive, dead = user.start(), user.start()
        dead.cut()
        told = [
            f"process {dead.program} of {dead.folder}, which is gone: sleep 600",
            f"folder {dead.folder} of a run that is gone",
        ]
        assert user.clean("--dry-run") == [f"would remove {one}" for one in told]
        assert dead.untouched
        assert user.clean() == [f"removed {one}" for one in told]
        assert user.clean() == ["nothing to clean"]
        assert not dead.folder.exists()
        assert mark.bearers(dead.folder) == []
        assert alive.untouched
        assert pair.ask("status")["state"] == "replicating"
    finally:
        pair.down()


def test_a_pair_that_was_cut_is_removed(user: User) -> None:
    """Nobody listens at its door."""
    folder = user.home / "colo-pairs" / "mine"
    folder.mkdir(parents=True)
    assert user.clean() == ["removed pair 'mine' that nobody keeps"]
    assert not folder.exists()


def test_what_is_half_made_is_removed(user: User) -> None:
    """From the cache; what somebody is making, or holds the lock of, stays."""
    cache = user.home / "cache"
    for name in ("states/new-gone", "states/new-made", "releases/.trixie~gone", "states/done"):
        (cache / name).mkdir(parents=True)
    for name in ("gone", "made", "done"):
        (cache / f"states/{name}.lock").touch()
    making = Holding(cache / "states/new-made")
    with FileLock(cache / "states/made.lock"):
        told = user.clean()
    making.release()
    assert told == [
        "removed half-made states/new-gone in the cache",
        "removed half-made releases/.trixie~gone in the cache",
        "removed lock states/gone.lock of nothing in the cache",
    ]
    assert {path.name for path in (cache / "states").iterdir()} == {"new-made", "done", "done.lock", "made.lock"}


def test_what_only_looks_like_ours_is_not(user: User) -> None:
    """A folder without our lock may be anybody's."""
    (user.temporary / "colo-my_notes").mkdir()
    (user.temporary / "colo-resu1ts" / "x").mkdir(parents=True)
    assert user.clean() == ["nothing to clean"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's programs")
def test_two_users_do_not_meet(stack: ExitStack, settings: Settings, pytestconfig: pytest.Config) -> None:
    """Though both use one temporary folder: each one's `colo clean` removes what is his."""
    shared = stack.enter_context(scratch("colo-", settings.run_dir.parent))  # where both can go
    pytestconfig.stash[GUARDIAN].add_folder(shared)
    stack.callback(pytestconfig.stash[GUARDIAN].drop_folder, shared)
    shared.chmod(0o1777)
    for name in ("mine", "his"):
        (shared / name).mkdir(mode=0o700)
    user, other = User(shared, shared / "mine"), User(shared, shared / "his", becoming(shared / "his"))
    stack.callback(other.end)
    stack.callback(user.end)
    mine, his = (user.start(), user.start()), (other.start(), other.start())
    mine[0].cut()
    his[0].cut()

    assert other.clean()[1:] == [f"removed folder {his[0].folder} of a run that is gone"]
    assert [run.untouched for run in (*mine, *his)] == [True, True, False, True]
    assert user.clean()[1:] == [f"removed folder {mine[0].folder} of a run that is gone"]
    assert [run.untouched for run in (*mine, *his)] == [False, True, False, True]


def test_a_holding_is_abandoned_when_its_owner_is_gone(tmp_path: Path) -> None:
    """And at no other time: not before it is held, not by a folder that is none."""
    assert not is_abandoned(tmp_path)
    holder = Popen([sys.executable, "-c", HOLD, tmp_path], stdout=PIPE)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        assert not is_abandoned(tmp_path)
        with pytest.raises(BlockingIOError):
            Holding(tmp_path)
        holder.kill()
        await_exit(holder.pid, LIMIT)
        assert is_abandoned(tmp_path)
    assert (tmp_path / LOCK).exists()


HOLD = """
import signal, sys
from pathlib import Path
from colo_harness.machine.holding import Holding
holding = Holding(Path(sys.argv[1]))
print("held", flush=True)
signal.pause()
"""
