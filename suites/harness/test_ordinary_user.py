"""The suite as an ordinary user, whether devices are opened to him or not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colo_harness.machine.holding import scratch
from colo_harness.settings import Settings
from fixtures.settings import GUARDIAN
from suites.harness.ordinary import CLOSED, OPENED, USER, becoming

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's programs")

COLO = str(Path(sys.executable).with_name("colo"))
LIMIT = 280.0
KEPT = ("releases/trixie-backports", "kernel", "lwip", "software", "images", "allure-*")
"""What of a cache the user need not fetch."""
PAIR = "suites/lifecycle/test_start.py::test_boot_sectors_enter_colo[tcg]"
TAPPED = "suites/proxy/test_filters.py::test_a_mirror_tells_of_the_header[vnet-10]"
DISKS = "suites/replication/test_bench_survivors.py::test_the_primary_reads_its_own_disk[nbd]"
COMPARE = "suites/proxy/test_compare_connections.py::test_connections_do_not_disturb_each_other"
NETWORK = "suites/harness/test_network_faults.py"
WITH_TAPS, WITHOUT_TAPS = (PAIR, TAPPED), (DISKS, COMPARE)


@dataclass(frozen=True)
class Ordinary:
    """An ordinary user with a home, in which the cache is."""

    home: Path

    def runs(self, *command: str, devices: str) -> subprocess.CompletedProcess[str]:
        """Run a command as him, to its end."""
        environment = {**os.environ, "TMPDIR": str(self.home)}
        argv = [*becoming(self.home, devices=devices), *command]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)

    def judges(self, *tests: str, devices: str, strict: bool = False) -> tuple[int, str, dict[str, Any]]:
        """Run these tests with `colo run`; return its status, what it says, and the verdicts."""
        written = self.home / "verdicts.json"
        options = ["--accel=tcg", f"--results-dir={self.home}/results", f"--json={written}"]
        ran = self.runs(
            COLO,
            "run",
            *options,
            *(["--strict"] if strict else []),
            "--",
            *tests,
            "-k",
            "not control:",
            devices=devices,
        )
        return ran.returncode, ran.stdout + ran.stderr, json.loads(written.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def user(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Ordinary]:
    """Somebody whose cache is filled."""
    guardian = pytestconfig.stash[GUARDIAN]
    with ExitStack() as stack:
        home = stack.enter_context(scratch("colo-", settings.run_dir.parent))
        guardian.add_folder(home)
        stack.callback(guardian.drop_folder, home)
        for kept in (found for pattern in KEPT for found in settings.cache_dir.glob(pattern)):
            place = home / ".cache/colo-harness" / kept.relative_to(settings.cache_dir)
            own = shutil.ignore_patterns("*.lock")
            shutil.copytree(kept, place, symlinks=True, ignore=own, copy_function=_given)
        for path in (home / ".cache", *(home / ".cache").rglob("*")):
            if path.is_dir() and not path.is_symlink():
                os.chown(path, USER, USER)
        yield Ordinary(home)


def _given(source: str, target: str) -> None:
    """Give a file of the cache another name, where that lets the user read it; else a copy."""
    if Path(source).stat().st_mode & 0o004 and Path(source).stat().st_dev == Path(target).parent.stat().st_dev:
        os.link(source, target)
        return
    shutil.copy2(source, target)
    os.chown(target, USER, USER)


def test_an_ordinary_user_runs_pairs_and_benches(user: Ordinary) -> None:
    """With /dev/net/tun opened to him nothing is skipped, and all is as root has it."""
    status, said, document = user.judges(*WITH_TAPS, *WITHOUT_TAPS, devices=OPENED)
    assert status == 0, said
    assert {test["id"]: test["verdict"] for test in document["tests"]} == dict.fromkeys(
        (*WITH_TAPS, *WITHOUT_TAPS), "valid"
    )
    assert document["skipped"] == {}


def test_without_a_tap_the_rest_still_runs(user: Ordinary) -> None:
    """The doctor says why, and what helps, in one line; what needs a tap is skipped and counted."""
    status, said, document = user.judges(*WITH_TAPS, *WITHOUT_TAPS, devices=CLOSED)
    told = {test["id"]: test["verdict"] for test in document["tests"]}
    assert status == 0, said
    assert told == {**dict.fromkeys(WITHOUT_TAPS, "valid"), **dict.fromkeys(WITH_TAPS, "skipped")}
    assert document["skipped"] == {"tap": len(WITH_TAPS)}
    assert "/dev/net/tun: Permission denied; remedy: let this user open it: as root, chmod 0666" in said
    assert "userfaultfd: Operation not permitted; remedy: run as root; or let this user: sysctl" in said


def test_with_strict_a_lost_tap_is_red(user: Ordinary) -> None:
    """As any other lack is."""
    status, said, _ = user.judges(PAIR, devices=CLOSED, strict=True)
    assert status == 2
    assert "needs tap: /dev/net/tun: Permission denied" in said


def test_an_ordinary_user_has_the_networks_faults_too(user: Ordinary) -> None:
    """Wires of ours in links, settings of a host's TCP, captures: plain pytest, on a network without QEMU."""
    argv = [sys.executable, "-m", "pytest", "-q", f"--results-dir={user.home}/plain", NETWORK]
    ran = user.runs(*argv, devices=OPENED)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "skipped" not in ran.stdout


def test_a_pair_is_entered_from_outside(user: Ordinary) -> None:
    """By a command of the same user's, who has no part in the user namespace of the pair's keeper."""
    up = user.runs(COLO, "pair", "up", devices=OPENED)
    shown = user.runs(COLO, "pair", "shell", "--", "ip", "-brief", "address", "show", "svc0", devices=OPENED)
    down = user.runs(COLO, "pair", "down", devices=OPENED)
    assert "10.77.0.1/24" in shown.stdout, up.stderr + shown.stderr
    assert (up.returncode, shown.returncode, down.returncode) == (0, 0, 0)
