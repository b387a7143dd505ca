"""Show what colo-compare makes of a few frames. It needs Python and a QEMU, nothing else.

Usage: python3 colo-compare.py CASE QEMU [OPTION…]; CASE is the number of a finding, such as 0010.
"""

import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

PORTS = {"primary": "primary_in", "secondary": "secondary_in", "out": "outdev", "notify": "notify_dev"}
CHECKPOINT = ("notify", b"COLO_CHECKPOINT", "the checkpoint is done")
STALL = ("nobody", b"", "reads what comes out")
"""In front of a step during which nobody does."""
LAST = (1 << 32) - 1
"""The highest sequence number."""
QUIET = 0.2
"""Seconds without anything new after which a step is over."""
Frame = tuple[str, bytes, str]


def ip(protocol: int, body: bytes, options: bytes = b"") -> bytes:
    """Return an Ethernet frame; colo-compare looks at no checksum."""
    words = 5 + len(options) // 4
    addresses = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2")
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + len(body), 1, 0, 64, protocol, 0)
    return bytes.fromhex("525400000002 525400000001 0800") + head + addresses + options + body


def tcp(
    side: str, payload: bytes, seq: int = 1000, ack: int = 1, flags: str = "A", padding: int = 0, port: int = 40000
) -> Frame:
    """Return a segment of one of the VMs."""
    bits = sum({"F": 1, "R": 4, "A": 16}[letter] for letter in flags)
    head = struct.pack("!HHIIBBHHH", 80, port, seq, ack, 0x50, bits, 8192, 0, 0)
    told = f"{payload.decode()!r} seq {seq} ack {ack} {flags}" + (f", padded by {padding} bytes" if padding else "")
    return side, ip(6, head + payload) + bytes(padding), told


def udp(side: str, payload: bytes, port: int = 40000, options: bytes = b"") -> Frame:
    """Return a datagram of one of the VMs."""
    head = struct.pack("!HHHH", 53, port, 8 + len(payload), 0)
    told = f"datagram {payload.decode()!r}" + (" with IP options" if options else "")
    return side, ip(17, head + payload, options), told


def uncompared(number: int, size: int) -> Frame:
    """Return a frame of the primary that passes at once."""
    frame = bytes.fromhex("525400000002 525400000001 88b5") + bytes([number]) + bytes(size - 15)
    return "primary", frame, f"number {number}, {size} bytes that are not compared"


CASES: dict[str, tuple[str, list[list[Frame]]]] = {
    "0010": (
        "",
        [
            [tcp("primary", b"ab"), tcp("secondary", b"ab")],
            [tcp("primary", b"XX"), tcp("secondary", b"YY")],
            [tcp("primary", b"new", seq=77), tcp("secondary", b"NEW", seq=77)],
        ],
    ),
    "0011": (
        "",
        [
            [tcp("primary", b"", ack=500), tcp("secondary", b"", ack=400)],
            [tcp("primary", b"abcd", ack=600), tcp("secondary", b"abcd", ack=400)],
        ],
    ),
    "0012": ("", [[tcp("primary", b"", flags="FA"), tcp("secondary", b"going on")]]),
    "0013": (
        "",
        [
            [tcp("secondary", b"aa", seq=1002)],
            [tcp("primary", b"aa")],
            [tcp("secondary", b"XX")],
            [tcp("primary", b"aa", seq=1002)],
        ],
    ),
    "0014": (
        "",
        [
            [tcp("primary", b"ab"), tcp("secondary", b"ab")],
            [tcp("primary", b"cd", seq=1002)],
            [tcp("primary", b"ab"), tcp("secondary", b"ab")],
            [tcp("secondary", b"cd", seq=1002)],
        ],
    ),
    "0025": (
        "",
        [
            [tcp("primary", b"a", ack=LAST), tcp("secondary", b"a", ack=LAST)],
            [tcp("primary", b"bc", seq=1001, ack=5), tcp("secondary", b"bcde", seq=1001, ack=LAST)],
            [tcp("primary", b"de", seq=1003, ack=5), tcp("secondary", b"", seq=1005, ack=5)],
            [tcp("primary", b"a", port=2), tcp("secondary", b"a", port=2)],
            [tcp("secondary", b"", seq=1001, ack=500, port=2), tcp("secondary", b"", seq=1001, ack=400, port=2)],
            [tcp("secondary", b"bcde", seq=1001, ack=400, port=2), tcp("primary", b"bc", seq=1001, ack=500, port=2)],
        ],
    ),
    "0026": (
        "",
        [
            [udp("primary", b"one"), udp("primary", b"two")],
            [udp("secondary", b"one")],
            [udp("secondary", b"two")],
            [udp("primary", b"three"), udp("primary", b"four"), udp("primary", b"five")],
            [CHECKPOINT],
        ],
    ),
    "0027": ("", [[STALL, *(uncompared(number, 60_000) for number in range(1, 9))], []]),
    "0028": (
        "",
        [
            [tcp("primary", b"ab")],
            [CHECKPOINT],
            [tcp("secondary", b"ab")],
            [tcp("primary", b"cd", seq=1002), tcp("secondary", b"cd", seq=1002)],
        ],
    ),
    "0029": (
        "",
        [
            [tcp("primary", b"ab", seq=LAST - 1), tcp("secondary", b"ab", seq=LAST - 1)],
            [tcp("secondary", b"ab", seq=LAST - 1)],
            [tcp("primary", b"cd", seq=0), tcp("secondary", b"cd", seq=0)],
        ],
    ),
    "0041": (
        "max_queue_size=2",
        [[tcp("primary", bytes([97 + n]), seq=1000 + n) for n in range(5)], [CHECKPOINT]],
    ),
    "0043": (
        "",
        [
            [tcp("primary", b"ab", padding=4), tcp("secondary", b"ab")],
            [tcp("primary", b"cd", seq=1002), tcp("secondary", b"cd", seq=1002)],
            [udp("primary", b"one"), udp("secondary", b"one", options=b"\1\1\1\1")],
        ],
    ),
}


def start(qemu: list[str], folder: str, properties: str) -> subprocess.Popen[bytes]:
    """Start a QEMU with nothing but a colo-compare."""
    argv = [*qemu, "-machine", "none", "-nodefaults", "-display", "none", "-object", "iothread,id=io"]
    for name in PORTS.values():
        argv += ["-chardev", f"socket,id={name},path={folder}/{name},server=on,wait=off"]
    wiring = ",".join(f"{name}={name}" for name in PORTS.values())
    argv += ["-object", ",".join(filter(None, (f"colo-compare,id=c,iothread=io,{wiring}", properties)))]
    return subprocess.Popen(argv)


def connect(path: str, process: subprocess.Popen[bytes]) -> socket.socket:
    """Connect to a port as soon as QEMU listens there."""
    while process.poll() is None:
        port = socket.socket(socket.AF_UNIX)
        try:
            port.connect(path)
        except OSError:
            port.close()
            time.sleep(0.05)
        else:
            return port
    raise SystemExit("QEMU has ended")


def watch(sockets: dict[str, socket.socket], known: dict[bytes, str], *ports: str) -> None:
    """Print what comes out of ports until nothing does."""
    while ready := select.select([sockets[port] for port in ports], [], [], QUIET)[0]:
        for one in ready:
            (size,) = struct.unpack("!I", one.recv(4, socket.MSG_WAITALL))
            frame = one.recv(size, socket.MSG_WAITALL)
            print("   ", f"OUT  {known[frame]}" if one is sockets["out"] else frame.decode())


def show(case: str, qemu: list[str]) -> None:
    """Play a case, and print what goes in and what comes out."""
    properties, steps = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        process = start(qemu, folder, properties)
        try:
            sockets = {port: connect(f"{folder}/{name}", process) for port, name in PORTS.items()}
            time.sleep(QUIET)
            known = {frame: told for frames in reversed(steps) for side, frame, told in frames if side == "primary"}
            for frames in steps:
                for side, frame, told in frames:
                    print(f"{side:9} {told}")
                    if side in sockets:
                        sockets[side].sendall(struct.pack("!I", len(frame)) + frame)
                watch(sockets, known, *(["notify"] if STALL in frames else ["out", "notify"]))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in CASES:  # noqa: PLR2004 - a case and a QEMU
        sys.exit(f"{__doc__}\nCases: {', '.join(CASES)}")
    show(sys.argv[1], sys.argv[2:])
