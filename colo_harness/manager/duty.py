"""A manager on duty: its processes run, and what they tell becomes history."""

import json
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import HarnessError, MachineError, StartupFailed, WaitTimeout
from colo_harness.machine.process import Process
from colo_harness.manager.handover import PATIENCE_S, alone, handover
from colo_harness.manager.manager import Manager, Post
from colo_harness.manager.switch import PowerSwitch
from colo_harness.qemu.topology import HOSTS, Host, Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.rehearsal import Rehearsal

_STEPS: Mapping[str, str] = MappingProxyType({"promoting": "failover", "stuck": "stuck"})
_SIGNS: Mapping[str, str] = MappingProxyType(
    {
        "replicating": "watching",
        "detected": "detected",
        "fenced": "fence-confirmed",
        "unfenced": "fence-refused",
    }
)
"""The words of a manager, and how the history has them."""
LEAVE_S = 5.0
"""For so long a process may take to end when it is told to."""


class Duty:
    """Lets `manager` bring a pair that is made ready into COLO and watch it. Leaving the context ends the manager."""

    def __init__(self, pair: ColoPair, manager: Manager, folder: Path) -> None:
        self.pair = pair
        self.switch: PowerSwitch
        """What the manager's fence command works."""
        self._manager = manager
        self._folder = folder
        self._ending = ExitStack()
        self._processes: dict[str, Process] = {}
        self._read: dict[str, int] = {}
        self._rehearsals: dict[Host, Rehearsal] = {}
        self._told: list[str] = []
        self._patience_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Let the manager start replication; return when it says so. Raises StartupFailed, MachineError."""
        pair = self.pair
        pair.approach()
        self.switch = PowerSwitch(pair, self._folder / "fence.sock")
        self._ending.callback(self.switch.close)
        told = handover(pair, self.switch.door)
        self._patience_s = told["patience_s"]
        self._rehearsals = {pair.host(role): alone(pair, role) for role in Role}
        path = self._folder / "handover.json"
        path.write_text(json.dumps(told, indent=1), encoding="utf-8")
        posts = self._manager.posts(path)
        for post in posts:
            self._post(post)
        try:
            wait_until(
                "the manager to start replication",
                lambda: self._heard("replicating") >= len(posts),
                timeout=pair.timeouts.entry,
                interval=0.005,
                seen=lambda: self._told,
            )
        except WaitTimeout as silence:
            raise StartupFailed(str(silence)) from silence
        pair.entered()

    def let_take_over(self, *, patiences: int = 1, sides: int = 1) -> None:
        """Return when the manager has let so many sides carry on alone, or well after that was due; checkers judge.

        It is due once the manager has been patient so many times.
        """
        due = self.pair.timeouts.late + patiences * min(self._patience_s, PATIENCE_S)
        with suppress(WaitTimeout):
            wait_until(
                "the manager to promote a side",
                lambda: self._heard("promoted") + self._heard("stuck") >= sides,
                timeout=due,
                interval=0.005,
            )

    def collect(self) -> None:
        """Bring what the manager has told into the history. Raises MachineError for what is no word of ours."""
        for name, process in self._processes.items():
            written = process.stdout()
            whole = written.rfind("\n") + 1
            for line in written[self._read[name] : whole].splitlines():
                self._take(name, line)
            self._read[name] = whole

    def dismiss(self) -> None:
        """Let the manager end by itself, so that it tells what it has heard, and collect that."""
        for process in self._processes.values():
            with suppress(WaitTimeout):
                process.terminate(LEAVE_S)
        self.collect()

    def close(self) -> None:
        """End what is left; may be called again."""
        self._ending.close()

    def _post(self, post: Post) -> None:
        pair = self.pair
        process = Process(
            post.argv,
            name=post.name,
            log_dir=self._folder,
            guardian=pair.lab.around.guardian,
            namespace=pair.network.host(post.host) if post.host else None,
        )
        self._ending.callback(process.kill)
        self._processes[post.name], self._read[post.name] = process, 0
        if post.host:
            pair.daemons[post.host].append(process)
            self._ending.callback(pair.daemons[post.host].remove, process)

    def _heard(self, what: str) -> int:
        """Return how often the manager has said a word. Raises MachineError where it has died of itself."""
        self.collect()
        for process in self._processes.values():
            if (process.poll() or 0) > 0:
                raise MachineError(
                    f"{process.name} ended with status {process.poll()}:\n{process.stderr()}",
                    f"run it by hand: {process.command}",
                )
        return self._told.count(what)

    def _take(self, name: str, line: str) -> None:
        try:
            word = json.loads(line)
            what, host = word.pop("what"), next(one for one in HOSTS if one == word["host"])
            at = self.pair.history.when(word.pop("at"))
            self._tell(what, host, at, word)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as oddity:
            raise HarnessError(
                f"{name} said {line!r}, which is no word of a manager ({type(oddity).__name__}: {oddity})",
                "docs/heartbeat.md has those that there are",
            ) from oddity
        self._told.append(what)

    def _tell(self, what: str, host: Host, at: float, word: dict[str, Any]) -> None:
        """Bring one word of a manager into the history. Raises KeyError for one that there is not."""
        pair = self.pair
        role = next(role for role in Role if pair.host(role) == host)
        if what == "promoted":
            pair.adopt(role, self._rehearsals[host], at=at)
        elif what == "heard":
            pair.history.append("observe", host, "heartbeat", word, at=at)
        elif what in _STEPS:
            pair.history.append("phase", "pair", _STEPS[what], {"role": role, **word}, at=at)
        else:
            pair.history.append("phase", host, _SIGNS[what], word, at=at)
