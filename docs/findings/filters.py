"""Show what filter-mirror and filter-redirector make of a few bytes. It needs Python and a QEMU, nothing else.

Usage: python3 filters.py CASE QEMU [OPTION…]; CASE is the number of a finding, such as 0020.
"""

import contextlib
import json
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUIET = 0.2
"""Seconds without anything new after which a step is over."""
PATIENCE = 2
"""Seconds in which a QMP that is not kept from it answers."""


def frame(size: int, filler: str) -> bytes:
    """Return an Ethernet frame that is told by its filler."""
    return bytes.fromhex("525400000002 525400000001 88b5") + filler.encode() * (size - 14)


class Qemu:
    """A QEMU with a netdev `net`, joined with another one, `guest`; our ends of both are datagram sockets."""

    def __init__(self, argv: list[str], folder: str, *options: str) -> None:
        self._folder = Path(folder)
        argv = [*argv, "-machine", "none", "-nodefaults", "-display", "none", *options]
        argv += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
        for name in ("in", "out"):
            argv += ["-chardev", f"socket,id={name},path={folder}/{name},server=on,wait=off"]
        self.ends = {name: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for name in ("net", "guest")}
        for name, end in self.ends.items():
            end.bind(f"{folder}/{name}.ours")
            paths = f"local.path={folder}/{name},remote.type=unix,remote.path={folder}/{name}.ours"
            argv += ["-netdev", f"dgram,id={name},local.type=unix,{paths}"]
            argv += ["-netdev", f"hubport,id={name}-port,hubid=0,netdev={name}"]
        self._process = subprocess.Popen(argv)
        while not (self._folder / "qmp").exists() or not (self._folder / "net").exists():
            if self._process.poll() is not None:
                raise SystemExit("QEMU has ended")
            time.sleep(0.05)
        for name, end in self.ends.items():
            end.connect(f"{folder}/{name}")
            end.settimeout(0)
        self._qmp = self.dial("qmp")
        self._answers = self._qmp.makefile()
        self._answers.readline()
        self.say("qmp_capabilities", enable=["oob"])
        self._answers.readline()

    def dial(self, name: str) -> socket.socket:
        """Connect to a chardev."""
        connection = socket.socket(socket.AF_UNIX)
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                connection.connect(str(self._folder / name))
                time.sleep(QUIET)
                return connection

    def say(self, command: str, way: str = "execute", **arguments: Any) -> None:
        """Send a QMP command."""
        self._qmp.sendall(json.dumps({way: command, "arguments": arguments, "id": command}).encode())

    def ask(self, command: str, way: str = "execute", **arguments: Any) -> None:
        """Send a QMP command and print whether an answer comes."""
        self.say(command, way, **arguments)
        self.hear(f"{way} {command}")

    def hear(self, what: str) -> None:
        """Print whether an answer comes."""
        answered = select.select([self._qmp], [], [], PATIENCE)[0]
        print("QMP      ", what, "is answered" if answered else f"is not answered in {PATIENCE} s")
        if answered:
            self._qmp.recv(1 << 16)

    def watch(self) -> None:
        """Print what comes out where the guest is until nothing does."""
        came = False
        while select.select([self.ends["guest"]], [], [], QUIET)[0]:
            got, came = self.ends["guest"].recv(1 << 17), True
            fillers = [f"{got.count(one.encode(), 14)} of {one}" for one in "abcd" if one.encode() in got[14:]]
            print(f"    GUEST {len(got)} bytes, {' and '.join(fillers)}")
        if not came:
            print("    GUEST nothing")

    def close(self) -> None:
        """End QEMU."""
        self._process.kill()
        self._process.wait()


def stalled(qemu: Qemu) -> None:
    """Let nobody read outdev."""
    outdev = qemu.dial("out")
    print("outdev    somebody connects, and does not read")
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            qemu.ends["net"].send(frame(1514, "a"))
        while select.select([qemu.ends["guest"]], [], [], 0)[0]:
            qemu.ends["guest"].recv(1 << 17)
    print("net       frames of 1514 bytes, until no more are taken")
    qemu.ask("query-version")
    qemu.ask("query-yank", "exec-oob")
    print("outdev    is read again")
    outdev.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        while outdev.recv(1 << 20):
            continue
    qemu.hear("the execute from before")


def halved(qemu: Qemu) -> None:
    """Let a sender leave in the middle of a frame."""
    indev = qemu.dial("in")
    print("indev     the length of a frame of 100 bytes, and its first 50, 36 of a; the sender leaves")
    indev.sendall(struct.pack("!I", 100) + frame(50, "a"))
    time.sleep(QUIET)
    indev.close()
    time.sleep(QUIET)
    indev = qemu.dial("in")
    for filler in "bcd":
        print(f"indev     a frame of 60 bytes, 46 of {filler}; from another sender")
        indev.sendall(struct.pack("!I", 60) + frame(60, filler))
        qemu.watch()


def deafened(qemu: Qemu) -> None:
    """Let a sender announce more than a frame may have."""
    indev = qemu.dial("in")
    print("indev     a length of 70,000, and as many bytes")
    indev.sendall(struct.pack("!I", 70_000) + bytes(70_000))
    time.sleep(QUIET)
    ended = select.select([indev], [], [], QUIET)[0]
    print("indev     the connection", "has ended" if ended else "goes on, whatever QEMU says")
    print("indev     a frame of 60 bytes, 46 of a")
    indev.sendall(struct.pack("!I", 60) + frame(60, "a"))
    qemu.watch()
    indev.close()
    time.sleep(QUIET)
    indev = qemu.dial("in")
    print("indev     a frame of 60 bytes, 46 of b; from another sender")
    indev.sendall(struct.pack("!I", 60) + frame(60, "b"))
    qemu.watch()
    for status in ("off", "on"):
        qemu.ask("qom-set", path="/objects/f", property="status", value=status)
    print("filter    switched off and on")
    qemu.watch()


CASES: dict[str, tuple[str, Callable[[Qemu], None]]] = {
    "0020": ("filter-mirror,id=f,netdev=net,queue=tx,outdev=out", stalled),
    "0021": ("filter-redirector,id=f,netdev=net,queue=tx,indev=in", halved),
    "0022": ("filter-redirector,id=f,netdev=net,queue=tx,indev=in", deafened),
}


def show(case: str, argv: list[str]) -> None:
    """Play a case, and print what goes in and what comes out."""
    properties, play = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        qemu = Qemu(argv, folder, "-object", properties)
        try:
            play(qemu)
        finally:
            qemu.close()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in CASES:  # noqa: PLR2004 - a case and a QEMU
        sys.exit(f"{__doc__}\nCases: {', '.join(CASES)}")
    show(sys.argv[1], sys.argv[2:])
