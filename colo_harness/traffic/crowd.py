"""Many sessions that work in the background."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Self

from colo_harness.errors import HarnessError, ProductFailure, UsageError, WaitTimeout
from colo_harness.history import Entry
from colo_harness.traffic.session import Session
from colo_harness.traffic.tcp import Echo
from colo_harness.traffic.transfer import Download, Upload

_NO_RECORDS = ("connect", "close")
_LAST_WORD = 5.0


class Crowd:
    """One thread a session, each exchanging a record every `pause` seconds, from `with` on until stopped.

    `grace` is the seconds that operations under way may take to end once the crowd is stopped; those that
    need longer are recorded as `info` with error "stopped". The sessions stay open.
    Raises UsageError for no sessions, or two of one name.
    """

    def __init__(self, sessions: Sequence[Session], *, pause: float = 0.02, grace: float = 5.0) -> None:
        self._sessions = {session.name: session for session in sessions}
        if not sessions or len(self._sessions) < len(sessions):
            raise UsageError("a crowd needs sessions with different names", "name each session, or leave it out")
        self._history = sessions[0].target.history
        self._pause = pause
        self._grace = grace
        self._stop = threading.Event()
        self._works = {name: threading.Lock() for name in self._sessions}
        self._threads: ThreadPoolExecutor | None = None
        self._runs: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(len(self._sessions), thread_name_prefix="crowd")
        self._runs = [self._threads.submit(self._run, session) for session in self._sessions.values()]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_acknowledged(self, each: int, timeout: float) -> None:
        """Wait until every session has `each` more answers than now, `timeout` in seconds.

        Raises WaitTimeout, and ProductFailure as soon as a session that still needs answers is broken.
        """
        missing = self._missing(each, timeout, until_first_break=True)
        broken = [name for name in missing if self._sessions[name].broken]
        if broken:
            raise ProductFailure(f"no more answers to {', '.join(sorted(broken))}: the history says why")
        if missing:
            short = ", ".join(f"{who} {each - left}" for who, left in sorted(missing.items()))
            raise WaitTimeout(f"waited {timeout:g} s for {each} answers to each session; only: {short}")

    def let_answer(self, each: int) -> None:
        """Return when every session has `each` more answers than now, is broken, or is long overdue; checkers judge."""
        overdue = 1.25 * max(session.timeout for session in self._sessions.values())
        self._missing(each, overdue, until_first_break=False)

    def _missing(self, each: int, timeout: float, *, until_first_break: bool) -> dict[str, int]:
        """Return how many answers each session still lacks, once none does, or after a break or `timeout` seconds."""
        needed = dict.fromkeys(self._sessions, each) if each > 0 else {}
        start = self._history.cursor()
        broken = {name for name, session in self._sessions.items() if session.broken}

        def done(entry: Entry) -> bool:
            if entry.kind == "op" and entry.who in needed and entry.what not in _NO_RECORDS:
                if entry.data["type"] == "ok":
                    needed[entry.who] -= 1
                    if not needed[entry.who]:
                        del needed[entry.who]
                elif self._sessions[entry.who].broken:
                    broken.add(entry.who)
            return over()

        def over() -> bool:
            return needed.keys() <= broken or (until_first_break and bool(broken))

        if not over():
            with suppress(WaitTimeout):
                self._history.wait_for(f"{each} answers to each session", done, since=start, timeout=timeout)
        return needed

    def work(self, seconds: float) -> None:
        """Let the sessions work for so long, whatever they are answered."""
        self._stop.wait(seconds)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let the sessions ask nothing inside the block, which begins once all that was asked has ended."""
        with ExitStack() as rest:
            for works in self._works.values():
                rest.enter_context(works)
            yield

    def stop(self) -> None:
        """Let every session end what it does, and the threads too; idempotent.

        Raises HarnessError for a thread that does not end, and what a thread has raised.
        """
        if self._threads is None:
            return
        self._stop.set()
        _, busy = wait(self._runs, timeout=self._grace)
        if busy:
            for session, run in zip(self._sessions.values(), self._runs, strict=True):
                if not run.done():
                    session.abort()
            _, busy = wait(self._runs, timeout=_LAST_WORD)
        self._threads.shutdown(wait=False)
        self._threads = None
        if busy:
            raise HarnessError(f"{len(busy)} client threads do not end", "report it with the history")
        for run in self._runs:
            run.result()

    def _run(self, session: Session) -> None:
        while not self._stop.is_set() and not session.broken:
            with self._works[session.name]:
                session.exchange(1)
            self._stop.wait(self._pause)


def exchange(sessions: Sequence[Session], records: int) -> None:
    """Let all `sessions` do `records` operations each, side by side; return when each is done or broken."""
    _side_by_side([partial(session.exchange, records) for session in sessions])


def finish(sessions: Sequence[Session]) -> None:
    """Let all `sessions` come to their end, side by side; only some kinds can."""
    _side_by_side([session.finish for session in sessions if isinstance(session, Echo | Download | Upload)])


def _side_by_side(works: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(max(len(works), 1), thread_name_prefix="side-by-side") as threads:
        for run in [threads.submit(work) for work in works]:
            run.result()
