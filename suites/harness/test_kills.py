"""`kill -9` of whatever runs here, at a random moment while a real pair runs, leaves nothing."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from subprocess import DEVNULL, Popen

import pytest

from colo_harness.colo.running import Running
from colo_harness.errors import MachineError
from colo_harness.machine import mark, remains
from colo_harness.machine.guardian import sweep
from colo_harness.machine.holding import LOCK, scratch
from colo_harness.machine.network import HOSTS
from colo_harness.settings import Settings
from colo_harness.wait import pause, wait_until
from fixtures.report import detail
from fixtures.settings import GUARDIAN

LIMIT = 120.0
SECONDS = 30.0
"""So long may it take until all is gone; the runs would last for minutes, and a pair for ever."""
COLO = str(Path(sys.executable).with_name("colo"))
PYTEST = (sys.executable, "-m", "pytest", "-q")
TESTS = ("suites/lifecycle/test_start.py", "-k", "test_checkpoints_go_on and tcg and not control:", "--soak=99")
VICTIMS = {
    "pytest": (*PYTEST, *TESTS, "-n0"),
    "controller": (*PYTEST, *TESTS, "-n1"),
    "worker": (*PYTEST, *TESTS, "-n1"),
    "colo run": (COLO, "run", "--", *TESTS),
    "colo pair up": (COLO, "pair", "up", "--guest=tick"),
    "keeper": (COLO, "pair", "up", "--guest=tick"),
}
"""Who is killed, and what is started so that there is one."""


@dataclass(frozen=True)
class Scene:
    """A folder to which all that is started belongs, and in which it puts all that it makes."""

    folder: Path
    settings: Settings
    started: "list[Popen[bytes]]" = field(default_factory=list)

    def start(self, victim: str) -> "Popen[bytes]":
        """Start what has the victim."""
        options = [f"--cache-dir={self.settings.cache_dir}"]
        if "pair" not in VICTIMS[victim]:
            options.append(f"--results-dir={self.folder / 'results'}")
        head, *rest = VICTIMS[victim]
        at = rest.index("--") if "--" in rest else len(rest)
        environment = {
            **os.environ,
            mark.RUN: os.pathsep.join([*mark.chain(), str(self.folder)]),
            "TMPDIR": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
        }
        argv = [head, *rest[:at], *options, *rest[at:]]
        self.started.append(Popen(argv, env=environment, stdout=DEVNULL, stderr=DEVNULL))
        return self.started[-1]

    def end_pair(self) -> None:
        """End the pair if it is up: then it is meant to outlive the command that brought it up."""
        pair = Running("pair", self.folder / "colo-pairs" / "pair")
        with suppress(MachineError):  # there is none, or it ends while we ask
            pair.ask("status")
            pair.down()

    def processes(self) -> dict[int, str]:
        """Return pid and command of all that lives, guardians among it."""
        return {pid: mark.command(pid) for pid in mark.bearers(self.folder, mark.RUN, mark.GUARDIAN)}

    def holder(self, name: str) -> int | None:
        """Return who holds the estate of this name, once somebody does."""
        for pid in self.processes():
            with suppress(OSError):  # it ends while we look
                held = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
                if any(path.endswith(f"/{name}/{LOCK}") for path in held):
                    return pid
        return None

    def left(self) -> list[str]:
        """Return what there is: processes, files, sockets in them, mounts, and what is half-made in the cache."""
        kept = [self.folder / name for name in ("results", "colo-pairs", "colo-pairs/.lock", LOCK)]
        files = [str(path) for path in (*self.folder.glob("*"), *self.folder.glob("colo-pairs/*")) if path not in kept]
        mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.folder) in line]
        cache = [one.what for one in remains.half_made(self.settings.cache_dir) if one.what.startswith("half-made")]
        return [*map(str, self.processes().items()), *files, *mounts, *cache]


@pytest.fixture
def scene(settings: Settings, pytestconfig: pytest.Config) -> Iterator[Scene]:
    """A scene with as short a path as sockets want; what a failed test leaves in it ends with it."""
    guardian = pytestconfig.stash[GUARDIAN]
    with scratch("k") as folder:
        guardian.add_folder(folder)
        scene = Scene(folder, settings)
        yield scene
        sweep(folder)
        for one in scene.started:
            one.wait(LIMIT)
        wait_until("the guardians to end", lambda: not scene.processes(), timeout=SECONDS)
        guardian.drop_folder(folder)


def find(scene: Scene, victim: str, started: "Popen[bytes]") -> int:
    """Return the victim's pid as soon as there is one; a command that has ended is a zombie by then."""
    names = {"worker": "gw0", "keeper": "pair"}
    if victim not in names:
        return started.pid
    return wait_until("the victim", lambda: scene.holder(names[victim]), timeout=LIMIT)


def test_nothing_is_left_of_who_is_killed(scene: Scene, kill_seed: int) -> None:
    """Neither of it nor of what it started; of a worker nothing while its run goes on."""
    random = Random(kill_seed)  # noqa: S311 - to be repeatable
    victim = [*VICTIMS][kill_seed % len(VICTIMS)]
    awaits_pair, delay = random.random() < 2 / 3 or kill_seed <= len(VICTIMS), random.uniform(0, 3)
    detail("victim", f"{victim}, {delay:.2f} s after {'its first pair' if awaits_pair else 'its start'}")
    started = scene.start(victim)
    pid = find(scene, victim, started)
    if awaits_pair:
        wait_until("a pair", lambda: _pair(scene), timeout=LIMIT)
    pause(delay)
    os.kill(pid, signal.SIGKILL)
    if victim == "colo pair up":
        scene.end_pair()
    if victim == "worker":
        wait_until("the worker's own to go", lambda: not _of_worker(scene), timeout=SECONDS)
        started.kill()  # another worker has taken over
    started.wait(LIMIT)
    wait_until("all to go", lambda: not scene.left(), timeout=SECONDS, seen=scene.left)


def _pair(scene: Scene) -> bool:
    """Say whether both QEMUs of a pair run: whoever looks what a QEMU can do starts but one."""
    return all(any(f"-name {host} " in command for command in scene.processes().values()) for host in HOSTS)


def _of_worker(scene: Scene) -> list[int]:
    return [pid for pid in scene.processes() if (mark.borne(pid) or ("",))[-1].endswith("/gw0")]
