"""What a run makes is its user's alone, whatever was usual where it was started: files 0600, folders 0700."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

import pytest

from colo_harness.machine import mark
from colo_harness.machine.doors import open_doors
from colo_harness.machine.holding import LOCK, scratch
from colo_harness.machine.privacy import OTHERS
from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from fixtures.settings import GUARDIAN

COLO = str(Path(sys.executable).with_name("colo"))
LIMIT = 240.0
OPEN = 0
"""A umask that takes nothing from anybody."""
PAIR = ("suites/lifecycle/test_start.py", "-k", "test_checkpoints_go_on and tcg and not control:", "--accel=tcg")
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFSOCK: "socket", stat.S_IFIFO: "fifo"}


@pytest.fixture
def shared(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder in which a run puts all that it makes; of the cache it has all but saved guests."""
    guardian = pytestconfig.stash[GUARDIAN]
    with scratch("p", settings.run_dir.parent) as shared:
        guardian.add_folder(shared)
        (shared / "tmp").mkdir()
        (shared / "cache").mkdir()
        for part in ("releases", "kernel", "lwip", "images"):
            (shared / "cache" / part).symlink_to(settings.cache_dir / part)
        yield shared
        guardian.drop_folder(shared)


def exposed(folder: Path) -> list[str]:
    """Name what others have rights to, of all that is made below a folder."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # what runs makes and removes while we look
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & OTHERS:
                found.append(f"{KINDS[stat.S_IFMT(mode)]} {path.relative_to(folder)} {stat.S_IMODE(mode):o}")
    return found


def test_a_run_is_its_users_alone(shared: Path) -> None:
    """Run, results and cache, with xdist; while its pair runs it is reached from nowhere outside its namespaces."""
    argv = [sys.executable, "-m", "pytest", "-q", "-n1", "--keep-artifacts", *PAIR, f"--cache-dir={shared}/cache"]
    argv += [f"--results-dir={shared}/results"]
    environment = {**os.environ, "TMPDIR": str(shared / "tmp")}
    with Popen(argv, umask=OPEN, env=environment, stdout=PIPE, stderr=STDOUT, text=True) as running:
        wait_until("a pair", lambda: len([*shared.glob("tmp/colo-*/**/rescue.sock")]) > 1, timeout=LIMIT)
        [estate] = [lock.parent for lock in shared.glob(f"tmp/colo-*/{LOCK}")]
        amid, doors = exposed(shared), open_doors(lambda: mark.bearers(estate))
        said, _ = running.communicate(timeout=LIMIT)
    assert running.returncode == 0, said
    assert (amid, doors) == ([], [])
    assert exposed(shared) == []
    assert [*(shared / "cache/states").rglob("state.bin")]
    assert [*(shared / "results/allure-results").glob("*-result.json")]


def test_the_command_makes_nothing_for_others(tmp_path: Path) -> None:
    """What it writes where it is told to is private as well."""
    told = tmp_path / "doctor.json"
    subprocess.run(
        [COLO, "doctor", "--json", told, "--accel=tcg"], umask=OPEN, stdout=DEVNULL, check=True, timeout=LIMIT
    )
    assert stat.S_IMODE(told.stat().st_mode) == 0o600


def test_what_others_may_see_is_named(tmp_path: Path) -> None:
    """By kind, path and mode."""
    (tmp_path / "it").mkdir(mode=0o700)
    (tmp_path / "it/file").touch(mode=0o600)
    assert exposed(tmp_path) == []
    (tmp_path / "it").chmod(0o750)
    (tmp_path / "it/file").chmod(0o604)
    assert sorted(exposed(tmp_path)) == ["file it/file 604", "folder it 750"]
