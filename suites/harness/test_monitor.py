"""Monitors: events that come ahead of what QEMU answers at the start."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from colo_harness.errors import LaunchFailure
from colo_harness.history import History
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.monitor import OVERTAKEN, Monitor

GREETING = {"QMP": {"version": {"qemu": {"major": 11, "minor": 1, "micro": 3}, "package": ""}, "capabilities": ["oob"]}}
EVENT = {"event": "STOP", "data": {}, "timestamp": {"seconds": 1, "microseconds": 0}}


class Hasty:
    """A QMP server that tells an event too early, on each of its first connections another time."""

    def __init__(self, path: Path, *too_early: str) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._moments = [*too_early, "never"]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """End, whether or not all connections came."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        for moment in self._moments:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return  # closed
            with connection, suppress(ConnectionError):
                for answer, its_moment in ((GREETING, "greeting"), ({"return": {}}, "answer")):
                    messages: list[dict[str, Any]] = [EVENT, answer] if its_moment == moment else [answer]
                    connection.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
                    connection.recv(65536)
                connection.recv(65536)


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Return the loop that drives the monitors."""
    with Loop() as loop:
        yield loop


def connect(path: Path, loop: Loop, history: History) -> None:
    """Connect a monitor to the server behind `path`, and disconnect it. Raises LaunchFailure."""
    transcript = path.with_suffix(".jsonl")
    monitor = Monitor(path, loop, history, host="host_a", transcript=transcript, why_lost=lambda: "it never came")
    try:
        monitor.connect(timeout=10, alive=lambda: True)
    finally:
        monitor.close()


def test_an_event_ahead_of_an_answer_costs_a_connection(tmp_path: Path, loop: Loop) -> None:
    """The monitor connects anew, and what overtook the answer is in the history."""
    hasty = Hasty(tmp_path / "qmp", "greeting", "answer")
    try:
        with History() as history:
            connect(tmp_path / "qmp", loop, history)
    finally:
        hasty.close()

    assert [entry.what for entry in history] == ["STOP", "STOP"]


def test_nonsense_is_not_borne_for_ever(tmp_path: Path, loop: Loop) -> None:
    """A server that never gets it right ends in an error."""
    hasty = Hasty(tmp_path / "qmp", *["greeting"] * (OVERTAKEN + 2))
    try:
        with History() as history, pytest.raises(LaunchFailure, match="it never came"):
            connect(tmp_path / "qmp", loop, history)
    finally:
        hasty.close()
