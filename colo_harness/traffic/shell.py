"""An interactive session over SSH, in which a counter runs."""

import asyncio
import re
import socket
from pathlib import Path
from typing import ClassVar

import asyncssh

from colo_harness.qemu.loop import Loop
from colo_harness.traffic.library import as_sockets_tell
from colo_harness.traffic.session import Session, Target, WrongAnswer

_COUNTER = "echo; n=0; while true; do echo $$ $n; n=$((n + 1)); usleep 50000; done\n"
_ANSWERS = 4
"""So many of the guest's answers a login takes, of which each may be held for a checkpoint."""
_COUNTED = re.compile(r"(\d+) (\d+)\r?\n")


class Shell(Session):
    """A shell on a terminal of the guest, which prints its own number and one that grows, twenty times a second.

    Before each number that is read a key is pressed, which the terminal does not echo and nobody in the guest reads.
    `key` is the file of root's private key, `host_key` that of the guest's public one.
    """

    kind = "ssh"
    what = "count"
    port: ClassVar[int] = 22

    def __init__(self, target: Target, name: str, *, key: Path, host_key: Path) -> None:
        super().__init__(target, name)
        self._keys = key, host_key
        self._loop = Loop()
        self._connections: list[asyncssh.SSHClientConnection] = []
        with self.operation("connect", port=self.port) as answer, as_sockets_tell(asyncssh.Error):
            self._shell = self._loop.call(self._log_in(), timeout=_ANSWERS * self.remaining())
            answer["local_port"] = self._connections[0].get_extra_info("sockname")[1]

    async def _log_in(self) -> "asyncssh.SSHClientProcess[str]":
        """Open a shell on a terminal, and start the counter in it."""
        key, host_key = self._keys
        connection = await asyncssh.connect(
            self.target.address,
            sock=await self._connected(),
            username="root",
            client_keys=[str(key)],
            known_hosts=([str(host_key)], [], []),
            config=None,
            agent_path=None,
        )
        self._connections.append(connection)
        shell = await connection.create_process(term_type="xterm", term_modes={asyncssh.PTY_ECHO: 0})
        shell.stdin.write(_COUNTER)
        return shell

    async def _connected(self) -> socket.socket:
        """Return a socket of the clients' namespace that is connected."""
        wire = self.target.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        wire.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(wire, (self.target.address, self.port))
        except BaseException:
            wire.close()
            raise
        return wire

    def _exchange_one(self, n: int) -> None:
        with self.operation("count", n=n) as answer, as_sockets_tell(asyncssh.Error):
            answer["connection"], answer["got"] = self._loop.call(self._next(n), timeout=self.remaining())
            if answer["got"] != n:
                raise WrongAnswer(f"{answer['got']} in place of {n}")

    async def _next(self, n: int) -> tuple[int, int]:
        """Press a key, return the shell's number and the counter's; before the first comes a line with the prompt."""
        self._shell.stdin.write("\n")
        while line := await self._shell.stdout.readline():
            if counted := _COUNTED.fullmatch(line):
                return int(counted[1]), int(counted[2])
            if n:
                raise WrongAnswer(f"{line!r} in place of {n}")
        raise EOFError

    def _interrupt(self) -> None:
        self._loop.call(self._hang_up(), timeout=self.timeout)

    def _release(self) -> None:
        self._loop.call(self._hang_up(), timeout=self.timeout)
        self._loop.close()

    async def _hang_up(self) -> None:
        for connection in self._connections:
            connection.abort()
            await connection.wait_closed()
