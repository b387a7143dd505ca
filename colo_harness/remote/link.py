"""A link to a real host: an ssh connection, and the agent at its other end."""

import ast
import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any, Self, TypeVar

from colo_harness.errors import HarnessError, MachineError, OutOfReach, WaitTimeout
from colo_harness.machine.site import Clock
from colo_harness.qemu.loop import Loop
from colo_harness.remote.agent import PIECE, SILENCE, START
from colo_harness.remote.hosts import Node

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")
REACH = 30.0
"""Seconds that it may take to log in, and an answer to come that takes no time."""
SLOW = 600.0
"""Seconds that a large file may take."""
PINGS = 12
"""So often the host is asked for the time; the quickest answer counts."""
QUICK = "^aes128-gcm@openssh.com"
"""What is preferred to encrypt with, since a release of QEMU has to pass."""
STAYING = {"keepalive_interval": 5, "keepalive_count_max": 6}
"""After half a minute without a word a host is gone."""
AGENT = "colo_harness.remote.agent"
PACKAGE = Path(__file__).parents[1]


class Link:
    """One agent on a host; a context manager, whose end ends it with all that it started. Any thread may use it."""

    def __init__(self, name: str, node: Node, loop: Loop) -> None:
        self.name = name
        self.lost = ""
        """Why nobody answers any more."""
        self.fenced = False
        """Whether that is because the host's power was taken."""
        self._loop = loop
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._pours: dict[str, Callable[[bytes], object]] = {}
        self._said: deque[str] = deque(maxlen=20)
        self._tasks: list[asyncio.Task[None]] = []
        self._doors: list[asyncssh.SSHListener] = []
        self._loop.call(self._open(node), timeout=2 * REACH)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, do: str, *, timeout: float = REACH, content: Path | None = None, **arguments: Any) -> Any:
        """Return what the agent answers to a request. Raises MachineError, ProcessLookupError, WaitTimeout."""
        return self._await(self._ask(do, content, arguments), do, timeout)

    def forward(self, path: Path) -> None:
        """Listen on this unix socket here; who dials it is connected with the one of that path there."""

        async def listen() -> None:
            self._doors.append(await self._connection.forward_local_path(str(path), str(path)))

        self._loop.call(listen(), timeout=REACH)

    def on_pour(self, path: Path, take: Callable[[bytes], object]) -> None:
        """Call `take`, on the loop's thread, with all that comes out of the FIFO at this path there."""
        self._pours[str(path)] = take
        self.call("pour", path=str(path))

    def clock(self) -> Clock:
        """Ask for the time, and return how far it is ahead; what may as well be none is none."""
        trips = [self._await(self._trip(), "time", REACH) for _ in range(PINGS)]
        length, ahead = min(trips)
        return Clock(ahead if abs(ahead) > length / 2 else 0.0, length / 2)

    def _await(self, work: Coroutine[Any, Any, T], do: str, timeout: float) -> T:
        try:
            return self._loop.call(work, timeout=timeout)
        except TimeoutError as silence:
            raise MachineError(
                f"{self.name} does not answer: `{do}` takes longer than {timeout:g} s",
                "look at its load, and at the network that ssh goes by",
            ) from silence

    def close(self) -> None:
        """End the agent; may be called again."""
        self._loop.call(self._close(), timeout=REACH)

    # --- on the loop --------------------------------------------------------------------------------------------

    async def _open(self, node: Node) -> None:
        import asyncssh  # noqa: PLC0415 - takes a third of a second, and most runs have no real hosts

        self._breaks = (OSError, EOFError, asyncssh.Error)
        argv = [node.python, "-S", "-E", "-B", "-c", START]
        try:
            self._connection = await asyncssh.connect(node.host, **_given(node))
            try:
                self._process = await self._connection.create_process(join(argv), encoding=None)
            except BaseException:
                self._connection.close()
                raise
        except self._breaks as refusal:
            raise MachineError(
                f"{self.name}: no ssh to {node.ssh}: {refusal}",
                f"try `ssh {node.ssh} {node.python} --version`, and look at hosts.toml",
            ) from refusal
        self._writing = asyncio.Lock()
        self._process.stdin.write(json.dumps(sources(AGENT)).encode() + b"\n")
        self._tasks = [asyncio.create_task(work) for work in (self._hear(), self._overhear(), self._beat())]

    async def _ask(self, do: str, content: Path | None, arguments: dict[str, Any]) -> Any:
        if self.lost:
            raise self._loss()
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        size = _size(content)
        line = json.dumps({"id": number, "do": do, "with": arguments, "size": size}).encode() + b"\n"
        try:
            async with self._writing:
                self._process.stdin.write(line)
                async for piece in _pieces(content):
                    self._process.stdin.write(piece)
                    await self._process.stdin.drain()
            return await answer
        except self._breaks as broken:
            raise self._loss() from broken
        finally:
            del self._waiting[number]

    async def _trip(self) -> tuple[float, float]:
        """Return how long a question took, and how far the host's clock is ahead of what was then in the middle."""
        before = time.time()
        told = await self._ask("time", None, {})
        after = time.time()
        return after - before, float(told) - (before + after) / 2

    async def _hear(self) -> None:
        """Take in what the agent says until it ends."""
        try:
            while line := await self._process.stdout.readline():
                head = json.loads(line)
                body = await self._process.stdout.readexactly(head["size"])
                if "pour" in head:
                    self._pours[head["pour"]](body)
                elif (answer := self._waiting.get(head["id"])) and not answer.done():
                    _settle(answer, head, body)
        except (*self._breaks, ValueError) as broken:
            self._said.append(f"{type(broken).__name__}: {broken}")
        self.lost = f"{self.name} is gone: the agent there, or the ssh connection to it, has ended"
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._loss())

    async def _overhear(self) -> None:
        """Keep what is said on stderr for whoever asks why."""
        with suppress(*self._breaks):
            while line := await self._process.stderr.readline():
                self._said.append(line.decode(errors="replace").rstrip())

    async def _beat(self) -> None:
        while not self.lost:
            await self._ask("time", None, {})
            await asyncio.sleep(SILENCE / 6)

    async def _close(self) -> None:
        for door in self._doors:
            door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._doors = [], []
        self.lost = self.lost or f"{self.name} was let go"
        with suppress(TimeoutError, *self._breaks):
            self._process.stdin.write_eof()
            await asyncio.wait_for(self._process.wait_closed(), REACH / 3)
        self._connection.close()
        await self._connection.wait_closed()

    def _loss(self) -> HarnessError:
        if self.fenced:
            return OutOfReach(f"{self.name} has no power since it was fenced")
        return MachineError(
            "\n".join([self.lost or f"the connection to {self.name} broke", *self._said]),
            "look at the host, and at the network that ssh goes by",
        )


def sources(module: str) -> dict[str, str]:
    """Return what a module of ours, and all of ours that it imports, consists of: texts by file name."""
    found: dict[str, str] = {}
    wanted = {module}
    while wanted:
        name = wanted.pop()
        path = PACKAGE.parent / name.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        key = str(file.relative_to(PACKAGE))
        if key not in found and file.is_file():
            found[key] = file.read_text(encoding="utf-8")
            wanted |= _imported(found[key]) | {name.rpartition(".")[0] or PACKAGE.name}
    return found


def _imported(text: str) -> set[str]:
    """Return the names of ours that a module's text imports; some are of no module, but of what is in one."""
    ours = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE.name
    ]
    return {f"{node.module}{end}" for node in ours for end in ("", *(f".{alias.name}" for alias in node.names))}


def _given(node: Node) -> dict[str, Any]:
    """Return what hosts.toml says of the way in; whatever it leaves out, ssh's own configuration says."""
    given: dict[str, Any] = {"connect_timeout": REACH, "encryption_algs": QUICK, **STAYING}
    given |= {"client_keys": [str(Path(node.key).expanduser())], "agent_path": None} if node.key else {}
    given |= {"known_hosts": str(Path(node.known_hosts).expanduser())} if node.known_hosts else {}
    given |= {"username": node.user} if node.user else {}
    return given | ({"port": node.port} if node.port else {})


def _size(content: Path | None) -> int:
    return content.stat().st_size if content else 0


async def _pieces(content: Path | None) -> AsyncIterator[bytes]:
    if content:
        with content.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def _settle(answer: "asyncio.Future[Any]", head: dict[str, Any], body: bytes) -> None:
    if "problem" in head:
        answer.set_exception(MachineError(head["problem"], head["remedy"]))
    elif "late" in head:
        answer.set_exception(WaitTimeout(head["late"]))
    elif "gone" in head:
        answer.set_exception(ProcessLookupError(head["gone"]))
    else:
        answer.set_result(head.get("value", body))
