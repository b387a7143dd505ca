"""The built-in heartbeat: `watcher.py HANDOVER HOST` watches on HOST over the other host, and over its own QEMU.

Every interval it tells its peer how its QEMU is, and looks whether the peer was heard. What it does it tells on stdout,
a JSON object a line; docs/heartbeat.md describes both. It runs without site-packages: standard library only.
"""

import json
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

GLANCE_S = 0.005
"""How often a fence command that runs is looked at."""
NAP_S = 0.2
"""How long it may take to notice that it is to end."""


class Refused(Exception):
    """QEMU does not do as it is told."""


class Monitor:
    """A QMP connection that can be asked and waited for, or listened to in passing."""

    def __init__(self, path: str) -> None:
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(path)
        self.ended = False
        self.failed = False
        """Whether QEMU told that COLO ended by an error."""
        self._rest = b""
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}

    def send(self, command: dict[str, Any]) -> int:
        """Send a command and return its number. Raises Refused."""
        self._number += 1
        try:
            self.line.sendall(json.dumps({**command, "id": self._number}).encode())
        except OSError as gone:
            self.ended = True
            raise Refused(f"QEMU is gone: {gone}") from gone
        return self._number

    def listen(self, seconds: float = 0) -> None:
        """Take in what QEMU says within so many seconds."""
        if self.ended or not select.select([self.line], [], [], seconds)[0]:
            return
        try:
            piece = self.line.recv(65536)
        except ConnectionError:
            piece = b""
        self.ended = not piece
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for said in map(json.loads, lines):
            if "id" in said:
                self._answers[said["id"]] = said
            elif said.get("event") == "COLO_EXIT":
                self.failed |= said["data"]["reason"] == "error"

    def answered(self, number: int) -> bool:
        """Say whether the answer to a command has come, and forget it."""
        return self._answers.pop(number, None) is not None

    def ask(self, command: dict[str, Any], seconds: float) -> Any:
        """Return the answer to a command. Raises Refused."""
        number, until = self.send(command), time.monotonic() + seconds
        while number not in self._answers:
            self.listen(max(until - time.monotonic(), 0))
            if self.ended or time.monotonic() > until:
                raise Refused(f"no answer to {command}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise Refused(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def carry_out(self, orders: list[dict[str, Any]], seconds: float) -> None:
        """Give orders one after the other, with so many seconds for each. Raises Refused."""
        for order in orders:
            until = time.monotonic() + seconds
            try:
                while not self.ask(order["command"], seconds).items() >= order.get("until", {}).items():
                    if time.monotonic() > until:
                        raise Refused(f"waited {seconds:g} s for {order['until']}")
                    self.listen(GLANCE_S)
            except Refused:
                if not order.get("may_fail"):
                    raise


class Watcher:
    """One host's half of the heartbeat. Silence is counted in looks of its own: who was stopped himself counts none."""

    def __init__(self, told: dict[str, Any], me: str) -> None:
        self.told, self.me = told, me
        self.peer = next(host for host in told["hosts"] if host != me)
        self.mine, self.theirs = told["hosts"][me], told["hosts"][self.peer]
        self.limit = told["patience_s"] / told["interval_s"]
        self.monitor = Monitor(self.mine["qmp"])
        self.ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ears.bind(tuple(self.mine["beat"]))
        self.ears.settimeout(0)
        self.stopping = False
        self.suspected = self.decided = False
        self.resting = 0.0
        self.fence: subprocess.Popen[bytes] | None = None
        self.question, self.owed, self.broken, self.unsent = 0, 0, 0, 0
        self.state = self.peer_state = "well"
        self.heard, self.missed, self.most_missed, self.longest, self.last = 0, 0, 0, 0.0, 0.0

    def tell(self, what: str, **more: Any) -> None:
        """Say on stdout what is done."""
        print(json.dumps({"at": time.time(), "what": what, "host": self.me, **more}), flush=True)  # noqa: T201

    def run(self) -> None:
        """Bring the own QEMU into COLO and watch until told to end."""
        self.monitor.carry_out(self.mine["start"], 4 * self.told["command_s"])
        self.tell("replicating")
        look = time.monotonic()
        while not self.stopping:
            nap = min(max(look - time.monotonic(), 0), NAP_S)
            lines = [self.ears, *([] if self.monitor.ended else [self.monitor.line])]
            select.select(lines, [], [], min(nap, GLANCE_S) if self.fence else nap)
            self.monitor.listen()
            self.hear()
            if self.fence:
                self.await_fence(self.fence)
            if time.monotonic() >= look:
                self.look()
                look = time.monotonic() + self.told["interval_s"]
        self.tell(
            "heard",
            beats=self.heard,
            unsent=self.unsent,
            most_missed=self.most_missed,
            longest_s=round(self.longest, 3),
        )

    def hear(self) -> None:
        """Take in the peer's beats."""
        while True:
            try:
                state = json.loads(self.ears.recv(4096))["state"]
            except (BlockingIOError, ConnectionError):
                return
            except (ValueError, LookupError, TypeError, RecursionError):
                continue  # not a beat: anybody on that network may send
            now = time.monotonic()
            self.longest = max(self.longest, now - self.last) if self.heard else 0.0
            self.peer_state, self.last = state, now
            self.heard, self.missed = self.heard + 1, -1

    def look(self) -> None:
        """See how the own QEMU is and tell the peer; decide what becomes of him."""
        self.examine()
        try:
            self.ears.sendto(json.dumps({"state": self.state}).encode(), tuple(self.theirs["beat"]))
        except OSError:
            self.unsent += 1  # the network is gone: the peer notices
        if self.heard:
            self.missed += 1
            self.most_missed = max(self.most_missed, self.missed)
        reason = None if self.fence or self.decided else self.suspicion()
        self.resting = max(self.resting - 1, 0)
        if reason and not self.suspected:
            self.tell("detected", of=self.peer, reason=reason)
        self.suspected = bool(reason or self.fence)
        if reason and not self.resting:
            self.fence = subprocess.Popen([*self.told["fence"], self.peer, self.me], stdout=subprocess.DEVNULL)

    def examine(self) -> None:
        """Ask the own QEMU for a sign of life, and note how long it has owed one."""
        if self.question and self.monitor.answered(self.question):
            self.question = self.owed = 0
        self.owed += bool(self.question)
        if not self.question and not self.monitor.ended:
            try:
                self.question = self.monitor.send({"execute": "query-status"})
            except Refused:
                self.question = 0
        self.broken += self.monitor.failed
        self.state = "ended" if self.monitor.ended else "hangs" if self.owed > self.limit else "well"

    def suspicion(self) -> str | None:
        """Say why the peer is taken for lost; not while the own QEMU could not stand in for it."""
        if self.state != "well" or not self.heard:
            return None
        if self.missed > self.limit:
            return f"{self.missed} beats were missed"
        if self.peer_state != "well":
            return f"its QEMU {self.peer_state}"
        if self.broken > (0 if self.mine["role"] == "primary" else 2 * self.limit):
            return "COLO ended by an error"
        return None

    def await_fence(self, fence: subprocess.Popen[bytes]) -> None:
        """Take over once the peer is known to be dead; else try again when it is still suspected."""
        status = fence.poll()
        if status is None:
            return
        self.fence = None
        if status:
            self.tell("unfenced", of=self.peer, status=status)
            self.resting = self.limit
            return
        self.decided = True
        self.tell("fenced", of=self.peer)
        self.tell("promoting")
        try:
            self.monitor.carry_out(self.mine["alone"], self.told["command_s"])
        except Refused as refusal:
            self.tell("stuck", reason=str(refusal))
        else:
            self.tell("promoted")


def main() -> None:
    """Watch as the command line says."""
    path, me = sys.argv[1:]
    watcher = Watcher(json.loads(Path(path).read_text(encoding="utf-8")), me)
    signal.signal(signal.SIGTERM, lambda *_: setattr(watcher, "stopping", True))
    watcher.run()


if __name__ == "__main__":
    main()
