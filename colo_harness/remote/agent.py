"""The agent: our program on a real host. It is sent there anew for each pair, and ends with the ssh connection.

It obeys requests on its standard input, and answers on its standard output: a line of JSON each, and behind it as many
bytes as the line says. At the end of the input, which even the runner's SIGKILL brings about, or once nothing was heard
for long, it ends; its guardian then ends all that it started, and removes the folders. It runs without site-packages,
so what it imports, of ours too, may be of the standard library alone.
"""

import hashlib
import importlib
import json
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from colo_harness.errors import HarnessError, MachineError, WaitTimeout
from colo_harness.machine import mark
from colo_harness.machine.guardian import Guardian, await_exit
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import Process, run

START = """
import json, os, sys, tempfile
folder = tempfile.mkdtemp(prefix="colo-")
for name, text in json.loads(sys.stdin.buffer.readline()).items():
    path = os.path.join(folder, "code", "colo_harness", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w", encoding="utf-8").write(text)
sys.path.insert(0, os.path.join(folder, "code"))
from colo_harness.remote.agent import main
main(folder)
"""
"""What a host's Python is given as its program; the first line of the input has the modules, file by file."""
SILENCE = 60.0
"""Seconds without a request, a beat at least, after which there is nobody any more who could make one."""
PIECE = 1 << 20
LISTENS = 0x10000
"""__SO_ACCEPTCON, in the flags of /proc/net/unix."""
LAST = b"\0"
"""What we write into a FIFO behind all else, to see it come out."""


class Agent:
    """Does what is asked: each `do_…` is a request, its arguments travel as JSON, `content` is a file of its own."""

    def __init__(self, folder: Path, into: IO[bytes]) -> None:
        self._folder = folder
        self._into = into
        self._writing = threading.Lock()
        self._programs: dict[int, Process] = {}
        self._employed: list[Any] = []
        self._pouring: dict[int, queue.SimpleQueue[None]] = {}
        """The FIFOs, each with what tells that LAST came out."""
        self._guardian = Guardian(folder)
        self._guardian.add_folder(folder)
        self._inside = Namespace("site")

    # --- talking ------------------------------------------------------------------------------------------------

    def obey(self, source: IO[bytes]) -> None:
        """Take requests until the input ends."""
        heard = threading.Event()
        threading.Thread(target=_listen, args=(heard,), daemon=True).start()
        while line := source.readline():
            heard.set()
            request = json.loads(line)
            content = self._content(source, request["size"]) if request["size"] else None
            threading.Thread(target=self._answer, args=(request, content), daemon=True).start()

    def _content(self, source: IO[bytes], size: int) -> Path:
        path = self._folder / f"content-{threading.get_native_id()}-{time.monotonic_ns()}"
        with path.open("wb") as file:
            while size and (piece := source.read(min(size, PIECE))):
                file.write(piece)
                size -= len(piece)
        return path

    def _answer(self, request: Mapping[str, Any], content: Path | None) -> None:
        head: dict[str, Any] = {"id": request["id"]}
        body = b""
        try:
            act: Callable[..., Any] = getattr(self, f"do_{request['do']}")
            value = act(**request["with"], **({"content": content} if content else {}))
            if isinstance(value, bytes):
                body = value
            else:
                head["value"] = value
        except HarnessError as failure:
            head |= {"problem": failure.problem, "remedy": failure.remedy}
        except WaitTimeout as late:
            head |= {"late": str(late)}
        except ProcessLookupError as gone:
            head |= {"gone": str(gone)}
        except OSError as failure:
            trouble = MachineError.of(failure)
            head |= {"problem": trouble.problem, "remedy": trouble.remedy}
        self._say(head, body)

    def _say(self, head: dict[str, Any], body: bytes = b"") -> None:
        with self._writing:
            self._into.write(json.dumps({**head, "size": len(body)}).encode() + b"\n" + body)
            self._into.flush()

    # --- the machine --------------------------------------------------------------------------------------------

    def do_time(self) -> float:
        """Return CLOCK_REALTIME; it is a beat, too."""
        return time.time()

    def do_ip(self, *, lines: list[str], inside: bool) -> str:
        """Run lines of `ip` in the namespace of the pair's side, or in the host's own, where {site} is the other."""
        if inside:
            return self._inside.ip(*lines)
        batch = "".join(f"{line.replace('{site}', self._inside.path)}\n" for line in lines)
        return run(["ip", "-batch", "-"], timeout=30, input=batch)

    def do_passes(self, *, links: list[str]) -> bool:
        """Say whether frames pass each of these links."""
        return self._inside.passes(*links)

    def do_set(self, *, setting: str, value: str) -> None:
        """Set one of /proc/sys/net."""
        self._inside.set(setting, value)

    def do_finds(self, *, tool: str) -> bool:
        """Say whether there is such a command."""
        return shutil.which(tool) is not None

    def do_run(self, *, argv: list[str], seconds: float, inside: bool) -> str:
        """Run a short command and return its output."""
        return run(argv, namespace=self._inside if inside else None, timeout=seconds)

    # --- programs -----------------------------------------------------------------------------------------------

    def do_start(self, *, argv: list[str], name: str, folder: str) -> int:
        """Start a program, whose output goes into files of the folder."""
        self.do_make(folder=folder)
        log_dir = Path(folder)
        program = Process(argv, name=name, log_dir=log_dir, guardian=self._guardian, namespace=self._inside)
        self._programs[program.pid] = program
        return program.pid

    def do_poll(self, *, pid: int) -> int | None:
        """Return its exit status, None while it lives."""
        return self._programs[pid].poll()

    def do_wait(self, *, pid: int, seconds: float) -> int | None:
        """Return it once there is one, None where that takes longer."""
        if self._programs[pid].poll() is None:
            with suppress(ProcessLookupError):  # reaped by another request meanwhile
                await_exit(pid, seconds)
        return self._programs[pid].poll()

    def do_signal(self, *, pid: int, number: int) -> None:
        """Send a signal to its group."""
        self._programs[pid].signal(number)

    def do_kill(self, *, pid: int) -> int | None:
        """Kill its group and reap it; return its exit status once all that it wrote into a FIFO was said."""
        self._programs[pid].kill()
        for end, seen in self._pouring.items():
            os.write(end, LAST)
            seen.get()
        return self._programs[pid].poll()

    def do_states(self, *, pid: int) -> list[str]:
        """Return the states of what is left of its group."""
        return self._programs[pid].states()

    def do_hangs(self, *, pid: int) -> str:
        """Return what its threads do."""
        return self._programs[pid].where_it_hangs()

    # --- work that is done there --------------------------------------------------------------------------------

    def do_learn(self, *, sources: dict[str, str]) -> None:
        """Take in more modules of the package."""
        for name, text in sources.items():
            path = self._folder / "code" / "colo_harness" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    def do_employ(self, *, module: str, function: str, arguments: dict[str, Any]) -> int:
        """Call a function that makes something in the namespace; return the number of what it made."""
        made = getattr(importlib.import_module(module), function)(self._inside, **arguments)
        self._employed.append(made)
        return len(self._employed) - 1

    def do_tell(self, *, number: int, name: str, given: list[Any], arguments: dict[str, Any]) -> Any:
        """Call a method of it, or return an attribute."""
        found = getattr(self._employed[number], name)
        return found(*given, **arguments) if callable(found) else found

    # --- files --------------------------------------------------------------------------------------------------

    def do_make(self, *, folder: str) -> None:
        """Make a folder; that of the run goes with us."""
        path = Path(folder)
        if run_folder := next((one for one in (path, *path.parents) if one.name.startswith("colo-")), None):
            self._guardian.add_folder(run_folder)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def do_put(self, *, path: str, content: Path) -> None:
        """Put a file there, whole or not at all."""
        to = Path(path)
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = to.with_name(f".{to.name}~{content.name}")
        shutil.move(content, half)
        half.rename(to)

    def do_unpack(self, *, folder: str, content: Path) -> None:
        """Unpack a tar of a folder there, whole or not at all."""
        to = Path(folder)
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = to.with_name(f".{to.name}~{content.name}")
        half.mkdir()
        try:
            run(["tar", "--extract", f"--directory={half}", f"--file={content}"], timeout=300)
            shutil.rmtree(to, ignore_errors=True)
            half.rename(to)
        finally:
            shutil.rmtree(half, ignore_errors=True)
            content.unlink()

    def do_get(self, *, path: str) -> bytes:
        """Return a file's content."""
        return Path(path).read_bytes()

    def do_has(self, *, path: str) -> bool:
        """Say whether there is such a file."""
        return Path(path).exists()

    def do_move(self, *, old: str, new: str) -> None:
        """Rename a file."""
        Path(old).rename(new)

    def do_digest(self, *, path: str) -> str:
        """Return a file's sha256, nothing where there is none."""
        try:
            with Path(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return ""

    def do_listens(self, *, path: str) -> bool:
        """Say whether somebody listens on this unix socket."""
        with self._inside.entered():
            table = Path("/proc/thread-self/net/unix").read_text(encoding="utf-8", errors="replace")
        for line in table.splitlines()[1:]:
            fields = line.split(maxsplit=7)
            if fields[7:] == [path] and int(fields[3], 16) & LISTENS:
                return True
        return False

    def do_pour(self, *, path: str) -> None:
        """Make a FIFO, and say what is written there, as it comes."""
        self.do_make(folder=str(Path(path).parent))
        os.mkfifo(path, 0o600)
        end = os.open(path, os.O_RDWR)  # with a writer of ours it never ends
        seen = self._pouring[end] = queue.SimpleQueue()
        threading.Thread(target=self._pour, args=(path, end, seen), daemon=True).start()

    def _pour(self, path: str, end: int, seen: "queue.SimpleQueue[None]") -> None:
        while piece := os.read(end, 65536):
            if said := piece.replace(LAST, b""):
                self._say({"pour": path}, said)
            for _ in range(piece.count(LAST)):
                seen.put(None)


def _listen(heard: threading.Event) -> None:
    """End this process when nothing is heard any more."""
    while heard.wait(SILENCE):
        heard.clear()
    os._exit(1)


def main(folder: str) -> None:
    """Be the agent of a host, in a folder of its own, until nobody asks any more."""
    os.environ[mark.RUN] = folder
    os.environ["TMPDIR"] = folder
    into = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints is no answer
    agent = Agent(Path(folder), into)
    agent.obey(sys.stdin.buffer)
    os._exit(0)  # the guardian does the rest
