"""Show what filter-rewriter makes of a few frames. It needs Python and a QEMU, nothing else.

Usage: python3 filter-rewriter.py CASE QEMU [OPTION…]; CASE is the number of a finding, such as 0016.
Leaves CASE-client.pcap and CASE-guest.pcap in this folder: what passed on either side.
"""

import fcntl
import json
import select
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PRIMARY, SECONDARY = 1000, 500_000
"""First sequence numbers of the guest on the two sides; the client knows the primary's. Its own is 100."""
FLAGS = {"F": 1, "S": 2, "R": 4, "A": 16}
BARRIER = bytes.fromhex("ffffffffffff ffffffffffff 88b5") + b"everything before this has been decided".ljust(50)
PCAP_KEPT = 50
"""So many of the first frames of a side, and of the last, are written into its pcap."""
Frame = tuple[str, bytes, str]
"""Who says it, the frame, and how it is told; a frame that is not told passes in silence."""


def total(data: bytes) -> int:
    """Return the sum of RFC 1071."""
    count = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while count >> 16:
        count = (count & 0xFFFF) + (count >> 16)
    return count


def ip(addresses: bytes, body: bytes, options: bytes = b"", fragment: int = 0, length: int | None = None) -> bytes:
    """Return an Ethernet frame."""
    words = 5 + len(options) // 4
    size = words * 4 + len(body) if length is None else length
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, size, 1, fragment, 64, 6, 0) + addresses + options
    head = head[:10] + struct.pack("!H", ~total(head) & 0xFFFF) + head[12:]
    return bytes.fromhex("525400000002 525400000001 0800") + head + body


class Session:
    """A session of the client with this address; the guest's first number on the secondary is `isn`."""

    def __init__(self, address: str = "10.0.0.2", isn: int = SECONDARY) -> None:
        self.addresses = socket.inet_aton(address), socket.inet_aton("10.0.0.1")
        self.isn = isn

    def client(self, seq: int, ack: int, flags: str, payload: bytes = b"", options: bytes = b"", **more: int) -> Frame:
        """Let the client say something; `ack` counts from the primary's first number."""
        return self._tcp("client", (40000, 80), 100 + seq, PRIMARY + ack, flags, options + payload, len(options), more)

    def guest(self, seq: int, ack: int, flags: str, payload: bytes = b"", **more: int | bytes) -> Frame:
        """Let the secondary's guest say something; `seq` counts from its own first number."""
        return self._tcp("guest", (80, 40000), self.isn + seq, 100 + ack, flags, payload, 0, more)

    def handshake(self) -> list[Frame]:
        """Let the client open the session."""
        return [self.client(0, 0, "S"), self.guest(0, 1, "SA"), self.client(1, 1, "A")]

    def _tcp(
        self, who: str, ports: tuple[int, int], seq: int, ack: int, flags: str, rest: bytes, size: int, more: dict
    ) -> Frame:
        addresses = b"".join(self.addresses if who == "client" else self.addresses[::-1])
        bits, known = sum(FLAGS[letter] for letter in flags), ack if "A" in flags else 0
        body = struct.pack("!HHIIBBHHH", *ports, seq, known, (5 + size // 4) << 4, bits, 8192, 0, 0) + rest
        pseudo = addresses + struct.pack("!BBH", 0, 6, len(body))
        frame = ip(addresses, body[:16] + struct.pack("!H", ~total(pseudo + body) & 0xFFFF) + body[18:], **more)
        return who, frame, told(frame)


def told(frame: bytes) -> str:
    """Tell of a segment: its numbers, what is special about it, and whether its checksum is right."""
    head, body = frame[14 : 14 + (frame[14] & 15) * 4], frame[14 + (frame[14] & 15) * 4 :]
    seq, ack, offset, bits = struct.unpack_from("!IIBB", body, 4)
    flags = "".join(letter for letter, bit in FLAGS.items() if bits & bit)
    start = (offset >> 4) * 4
    size = f"{len(body) - start} bytes" if 20 <= start <= len(body) else f"data offset {start}"  # noqa: PLR2004
    text, options = f"{flags or '-':2} seq {seq} ack {ack}, {size}", body[20:start]
    if options[2:3] == b"\5":
        text += ", SACK {}-{}".format(*struct.unpack_from("!II", options, 4))
    text += ", IP options" if len(head) > 20 else ""  # noqa: PLR2004 - the least
    if head[6] & 0x20:
        return f"{text}, first of two fragments, checksum {body[16:18].hex()}"
    right = total(head[12:20] + struct.pack("!BBH", 0, 6, len(body)) + body) == 0xFFFF  # noqa: PLR2004 - RFC 1071
    return text + ("" if right else ", WRONG CHECKSUM")


def in_silence(frames: list[Frame]) -> Iterator[Frame]:
    """Let frames pass that nobody is told of."""
    return ((who, frame, "") for who, frame, _ in frames)


def note(text: str) -> Frame:
    """Say what happens meanwhile."""
    return "note", b"", text


def short() -> Iterator[Frame]:
    """Let many clients open a session each, and send in it a segment whose IP total length is 0."""
    yield note("sessions, in each of which a segment says that its IP total length is 0")
    for number in range(4000):
        session = Session(f"10.1.{number >> 8}.{number & 255}")
        segment = session.client(1, 1, "A", bytes(number % 1400), length=0)
        yield from in_silence([*session.handshake(), segment])


def learning() -> Iterator[Frame]:
    """Let a checkpoint fall into a handshake; let a SYN come again late."""
    session = Session()
    yield from session.handshake()[:2]
    yield "checkpoint", b"", "a checkpoint: both guests count from the primary's number now"
    session.isn = PRIMARY
    yield from (session.client(1, 1, "A"), session.guest(1, 1, "A", b"data"))
    yield note("another session")
    session = Session("10.0.0.3")
    yield from (*session.handshake(), session.guest(1, 1, "A", b"data"), session.client(0, 0, "S"))
    yield from (session.client(1, 5, "A"), session.guest(5, 1, "A", b"data"))


def forgetting() -> Iterator[Frame]:
    """Let the client close and load down; let many others be refused."""
    session = Session(isn=PRIMARY + 1000)
    yield from (*session.handshake(), session.client(1, 1, "FA"))
    yield from (session.guest(1 + 1000 * number, 2, "A", bytes(1000)) for number in range(2))
    yield from (session.guest(2001, 2, "FA"), session.client(2, 1002, "A"), session.client(2, 2001, "A"))
    yield from (session.guest(1001, 2, "A", bytes(1000)), note("another session"))
    session = Session("10.0.0.3")
    yield from (*session.handshake(), session.guest(1, 1, "A", b"data"))
    yield note("16,400 other clients are refused, one after the other")
    for number in range(16_400):
        other = Session(f"10.1.{number >> 8}.{number & 255}")
        yield from in_silence([other.client(0, 0, "S"), other.guest(0, 1, "RA")])
    yield session.guest(5, 1, "A", b"data")


def counting() -> Iterator[Frame]:
    """Let segments with IP options and in fragments be rewritten."""
    session = Session()
    yield from (*session.handshake(), session.guest(1, 1, "A", b"data"))
    yield session.guest(1, 1, "A", b"data", options=b"\1\1\1\1")
    yield session.guest(1, 1, "A", b"data" * 6, fragment=0x2000)


def leaving_out() -> Iterator[Frame]:
    """Let the guest reset, and the client acknowledge selectively."""
    session = Session()
    hole = struct.pack("!BBBBII", 1, 1, 5, 10, PRIMARY + 101, PRIMARY + 201)
    yield from (*session.handshake(), session.guest(501, 1, "RA"), session.guest(501, 1, "R"))
    yield session.client(1, 1, "A", options=hole)


def waiting() -> Iterator[Frame]:
    """Let the client say something while the VM stands still."""
    session = Session()
    yield from session.handshake()
    yield "stop", b"", "the VM is stopped"
    yield from (session.client(1, 1, "A", b"one"), session.client(4, 1, "A", b"two"))
    yield "cont", b"", "the VM goes on; in the second after that comes"
    yield session.client(7, 1, "A", b"three")
    yield "stop", b"", "a checkpoint stops the VM"
    yield session.client(12, 1001, "A")
    yield "checkpoint", b"", "both guests count from the primary's number now"
    yield "cont", b"", "the VM goes on"
    yield session.client(12, 2501, "A")


CASES: dict[str, Callable[[], Iterator[Frame]]] = {
    "0015": short,
    "0016": learning,
    "0017": forgetting,
    "0018": counting,
    "0019": leaving_out,
    "0023": waiting,
}


COMMANDS = {"checkpoint": "xen-colo-do-checkpoint", "stop": "stop", "cont": "cont"}


class Bench:
    """A QEMU with a filter-rewriter between the client's socket and the guest's."""

    def __init__(self, qemu: list[str], folder: str) -> None:
        argv = [*qemu, "-machine", "none", "-nodefaults", "-display", "none", "-monitor", "none", "-qmp", "stdio"]
        servers = {}
        for who in ("client", "guest"):
            servers[who] = socket.socket(socket.AF_UNIX)
            servers[who].bind(f"{folder}/{who}")
            servers[who].listen(1)
            argv += ["-netdev", f"stream,id={who},server=off,addr.type=unix,addr.path={folder}/{who}"]
            argv += ["-netdev", f"hubport,id={who}-hub,hubid=0,netdev={who}"]
        argv += ["-object", "filter-rewriter,id=rew0,netdev=client,queue=all"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.sockets = {who: server.accept()[0] for who, server in servers.items()}
        self.stopped = False
        self.passed: dict[str, list[bytes]] = {"client": [], "guest": []}
        self.ask("qmp_capabilities")
        for who in self.sockets:
            self._await(who)

    def ask(self, command: str) -> None:
        """Run a QMP command."""
        self.process.stdin.write(json.dumps({"execute": command}).encode() + b"\n")
        self.process.stdin.flush()
        while b'"return"' not in (line := self.process.stdout.readline()):
            if b'"error"' in line or not line:
                raise SystemExit(line.decode())

    def _await(self, who: str) -> None:
        """Return once what one side sends comes to the other: QEMU has taken both connections up."""
        other = self.sockets["guest" if who == "client" else "client"]
        while not select.select([other], [], [], 0.1)[0]:
            self.sockets[who].sendall(struct.pack("!I", len(BARRIER)) + BARRIER)
        while select.select([other], [], [], 0.1)[0]:
            self._receive(other)

    def await_read(self) -> None:
        """Return once QEMU has read, and made something of, all that was sent."""
        for one in self.sockets.values():
            while struct.unpack("i", fcntl.ioctl(one, termios.TIOCOUTQ, bytes(4)))[0]:
                time.sleep(0.01)
        self.ask("query-status")

    def send(self, who: str, frame: bytes) -> list[bytes]:
        """Let one side send a frame; return what came to the other. Raises EOFError when QEMU has ended."""
        self.passed[who].append(frame)
        self.sockets[who].sendall(struct.pack("!I", len(frame)) + frame)
        return [] if self.stopped else self.look(who)

    def look(self, who: str) -> list[bytes]:
        """Return what has come to the other side of what one side has sent."""
        other = self.sockets["guest" if who == "client" else "client"]
        self.sockets[who].sendall(struct.pack("!I", len(BARRIER)) + BARRIER)
        came = []
        while (got := self._receive(other)) != BARRIER:
            came.append(got)
        self.passed["guest" if who == "client" else "client"] += came
        return came

    @staticmethod
    def _receive(one: socket.socket) -> bytes:
        head = one.recv(4, socket.MSG_WAITALL)
        if not head:
            raise EOFError
        return one.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL)


def write_pcap(path: Path, frames: list[bytes]) -> None:
    """Write the first and the last frames that passed on one side, a microsecond apart."""
    kept = frames[:PCAP_KEPT] + frames[PCAP_KEPT:][-PCAP_KEPT:]
    records = [struct.pack("<IIII", 0, at, len(one), len(one)) + one for at, one in enumerate(kept)]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))


def play(case: str, bench: Bench) -> None:
    """Play a case, and print what goes in and what comes out."""
    for who, frame, text in CASES[case]():
        if text:
            print(f"{who:10} {text}" if who in bench.sockets else f"-- {text}")
        came = []
        if who in COMMANDS:
            bench.await_read()
            bench.ask(COMMANDS[who])
            bench.stopped = who == "stop"
        if who == "cont":
            time.sleep(1)
            came = bench.look("client")
            print("" if came else f"{'':6} ->  nothing")
        if frame:
            came = bench.send(who, frame)
        if text and came:
            print(*(f"{'':6} ->  {told(one)}" for one in came), sep="\n")


def show(case: str, qemu: list[str]) -> None:
    """Play a case on a QEMU of its own, and leave pcaps of it."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(qemu, folder)
        try:
            play(case, bench)
        except (EOFError, ConnectionError):
            print(f"-- QEMU has ended with status {bench.process.wait()}")
        finally:
            bench.process.kill()
            bench.process.wait()
        for side, frames in bench.passed.items():
            write_pcap(Path(f"{case}-{side}.pcap"), frames)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in CASES:  # noqa: PLR2004 - a case and a QEMU
        sys.exit(f"{__doc__}\nCases: {', '.join(CASES)}")
    show(sys.argv[1], sys.argv[2:])
