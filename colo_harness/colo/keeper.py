"""The keeper: a process that holds a running pair, and does what its clients ask for.

It is started by `birth`, says on its stdin, a socket, how far it is, and stays when the pair is up and it is told to.
However it ends, SIGKILL included, its guardian ends the QEMUs and removes the folder.
"""

import json
import signal
import socket
import socketserver
import sys
import threading
import traceback
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from colo_harness.colo.birth import KEEP, Order
from colo_harness.colo.desk import Desk
from colo_harness.colo.lab import open_lab
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.running import Running
from colo_harness.errors import HarnessError, MachineError, ProductFailure
from colo_harness.history import History, Kind
from colo_harness.machine import rights
from colo_harness.machine.estate import Estate
from colo_harness.machine.network import Network
from colo_harness.qemu import accelerator
from colo_harness.settings import Accel

LEFT_OUT: tuple[Kind, ...] = ("console",)
"""Kinds that the history leaves out: what a guest says all day is in its console.txt, and need not fill the memory."""


class _Door(socketserver.ThreadingUnixStreamServer):
    """Hears a request a connection, each on a thread of its own."""

    daemon_threads = True
    request_queue_size = 64
    desk: Desk


class _Caller(socketserver.StreamRequestHandler):
    server: _Door

    def handle(self) -> None:
        """Answer a request: a line of JSON each."""
        if not (line := self.rfile.readline()):
            return
        request = json.loads(line)
        if request["command"] == "down":
            self.server.shutdown()
        else:
            answer = _answer(self.server.desk, request)
            self.wfile.write(json.dumps(answer).encode() + b"\n")


def _answer(desk: Desk, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": desk.do(request["command"], request["arguments"])}
    except Exception as error:  # noqa: BLE001 - the client is told, whatever it is; the keeper goes on
        return _told(error, f"the transcripts in {desk.folder} tell more")


def _told(error: Exception, remedy: str) -> dict[str, Any]:
    """Put an error into words: ours with its remedy, QEMU's with `remedy`, a bug with its traceback."""
    if isinstance(error, OSError):
        error = MachineError.of(error)
    if isinstance(error, HarnessError):
        return {"problem": error.problem, "remedy": error.remedy}
    if isinstance(error, ProductFailure):
        return {"problem": error.brief, "remedy": error.remedy or remedy}
    return {"problem": "a bug of the harness", "remedy": "".join(traceback.format_exception(error))}


class _Link:
    """The way to whoever has the pair made: when that ends before it says KEEP, this process ends too."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        threading.Thread(target=self._watch, daemon=True).start()

    def say(self, word: dict[str, Any]) -> None:
        """Send a line of JSON."""
        self._connection.sendall(json.dumps(word).encode() + b"\n")

    def step(self, text: str) -> None:
        """Say what comes next."""
        self.say({"step": text})

    def _watch(self) -> None:
        if self._connection.recv(1) != KEEP:
            signal.raise_signal(signal.SIGTERM)


def _accel(order: Order) -> Accel:
    """Return the accelerator that was asked for, or the one that suits the guest: ticks replicate well under TCG."""
    alike = order.topology.guest == "linux" or order.settings.accel != "auto"
    return accelerator.for_linux(order.settings) if alike else "tcg"


def _bring_up(order: Order, link: _Link, stack: ExitStack) -> _Door:
    """Return the door of a pair that replicates, and that ends with `stack`. Raises HarnessError, ProductFailure."""
    guardian = stack.enter_context(Estate(order.folder)).guardian
    running = Running(order.folder.name, order.folder)
    door = stack.enter_context(_Door(str(running.door), _Caller))
    link.step("asking QEMU what it can and wants")
    lab = stack.enter_context(open_lab(order.settings, guardian))
    link.step(f"QEMU {lab.contract.version}; making its guest and two hosts")
    network = stack.enter_context(Network())
    history = stack.enter_context(History(order.folder / "history.jsonl", without=LEFT_OUT))
    topology = replace(order.topology, accel=_accel(order))
    pair = stack.enter_context(ColoPair(topology, lab, network, history, order.folder))
    link.step(f"bringing a pair of {topology.guest} guests under {topology.accel} into COLO")
    pair.start()
    door.desk = Desk(running, pair, lab)
    return door


def main() -> None:
    """Keep the pair that the first argument orders, until somebody asks for its end."""
    rights.acquire()  # before there is a second thread
    link = _Link(socket.socket(fileno=sys.stdin.fileno()))
    with ExitStack() as stack:
        try:
            door = _bring_up(Order.of(sys.argv[1]), link, stack)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            link.say(_told(error, "the reference QEMU replicates: leave --qemu and --accel out"))
            return
        link.say({"up": True})
        door.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
