"""One QMP connection: commands with deadlines, events into the history, both directions into a transcript."""

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, Message, QMPClient, StateError
from qemu.qmp.qmp_client import GreetingError, NegotiationError

from colo_harness.errors import CommandError, LaunchFailure, MonitorLost, WaitTimeout
from colo_harness.history import History
from colo_harness.qemu.loop import Loop
from colo_harness.wait import wait_until

OVERTAKEN = 3
"""So often an event may come ahead of the greeting or of the answer to `qmp_capabilities`.

QEMU does not hold events back until it has sent them (monitor/qmp.c, monitor/monitor.c).
"""
LAST = 6
"""Messages of the transcript that an error quotes."""
LONG = 300
"""Characters of such a message from which on the rest is left to the transcript."""


class _Client(QMPClient):
    """A QMPClient that shows every message, in the order of the wire, to `show`."""

    def __init__(self, name: str, show: Callable[[str, Message], None]) -> None:
        super().__init__(name)
        self._show = show

    def _cb_outbound(self, msg: Message) -> Message:
        self._show("to", msg)
        return super()._cb_outbound(msg)

    def _cb_inbound(self, msg: Message) -> Message:
        self._show("from", msg)
        self.events.clear()  # the history keeps them; a queue that nobody reads only grows
        return super()._cb_inbound(msg)


class Monitor:
    """A QMP client of the QEMU behind unix socket `path`; synchronous, usable from any thread.

    `host` names the QEMU in the history, or is None for a monitor whose events are not recorded. `why_lost`
    describes the process for the error when an answer does not come; it may be its end. The QEMU's clock is `ahead`
    seconds ahead of ours. The transcript is JSONL:
    `{"at": seconds of the history, "way": "to" | "from", "message": {…}}`.
    """

    def __init__(
        self,
        path: Path,
        loop: Loop,
        history: History,
        *,
        host: str | None,
        transcript: Path,
        why_lost: Callable[[], str],
        ahead: float = 0.0,
    ) -> None:
        self._path = path
        self._loop = loop
        self._history = history
        self._host = host
        self._why_lost = why_lost
        self._ahead = ahead
        self._transcript: TextIO = transcript.open("w", encoding="utf-8")
        self._last: deque[str] = deque(maxlen=LAST)
        self._client = _Client(path.stem, self._record)

    def connect(
        self, *, timeout: float, alive: Callable[[], bool], reached: Callable[[Path], bool] = Path.exists
    ) -> None:
        """Negotiate, out-of-band execution included. Raises LaunchFailure when QEMU dies or stays mute."""
        deadline = time.monotonic() + timeout
        overtaken = itertools.count()

        def try_once() -> bool:
            if not alive():
                raise LaunchFailure(f"QEMU died at start\n{self._why_lost()}")
            if not reached(self._path):
                return False
            left = max(deadline - time.monotonic(), 0.1)
            try:
                self._loop.call(self._client.connect(str(self._path)), timeout=left)
            except ConnectError as refused:
                if isinstance(refused.exc, ConnectionRefusedError | FileNotFoundError):
                    return False
                if isinstance(refused.exc, GreetingError | NegotiationError) and next(overtaken) < OVERTAKEN:
                    return False
                raise LaunchFailure(f"no QMP greeting: {refused}\n{self._why_lost()}") from refused
            except TimeoutError as mute:
                raise LaunchFailure(f"no QMP greeting in {timeout:g} s\n{self._why_lost()}") from mute
            return True

        try:
            wait_until(f"QEMU's monitor {self._path.name}", try_once, timeout=timeout, seen=self._why_lost)
        except WaitTimeout as silence:
            raise LaunchFailure(str(silence)) from silence

    def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout: float, oob: bool = False
    ) -> Any:
        """Return what QEMU returns.

        Raises CommandError when QEMU refuses, MonitorLost when it dies or is silent for `timeout` seconds.
        """
        try:
            return self._loop.call(self._client.execute(command, arguments, oob=oob), timeout=timeout)
        except ExecuteError as refused:
            raise CommandError(command, refused.error_class, refused.error.error.desc) from refused
        except TimeoutError as silent:
            raise MonitorLost(f"{command}: no answer in {timeout:g} s\n{self._said()}{self._why_lost()}") from silent
        except (ExecInterruptedError, StateError, EOFError, ConnectionError) as gone:
            raise MonitorLost(f"{command}: the connection ended\n{self._said()}{self._why_lost()}") from gone

    def close(self) -> None:
        """Disconnect, whether or not QEMU still lives."""

        async def disconnect() -> None:
            try:
                await self._client.disconnect()
            except (EOFError, ConnectionError, asyncio.IncompleteReadError):
                return  # how a connection to a dead QEMU ends

        try:
            self._loop.call(disconnect(), timeout=10)
        finally:
            self._transcript.close()

    def _said(self) -> str:
        return "".join(["last of the transcript:\n", *self._last])

    def _record(self, way: str, message: Message) -> None:
        body: dict[str, Any] = dict(message)
        line = {"at": round(self._history.now(), 6), "way": way, "message": body}
        written = json.dumps(line, separators=(",", ":")) + "\n"
        self._last.append(written if len(written) <= LONG else f"{written[:LONG]} …\n")
        self._transcript.write(written)
        self._transcript.flush()
        if self._host is not None and "event" in body:
            stamp = body["timestamp"]
            at = self._history.when(stamp["seconds"] + stamp["microseconds"] / 1e6 - self._ahead)
            self._history.record("event", self._host, body["event"], at=at, **body.get("data", {}))
