"""What passed the switch: every frame on every port of the service network, in a pcap file."""

import json
import os
import re
import signal
import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Literal, Self

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import PORTS, Network
from colo_harness.machine.process import Process
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from scapy.packet import Packet

Direction = Literal["in", "out"]

ARP, RARP, IPV4 = 0x0806, 0x8035, 0x0800
PACKET_OUTGOING = 4
LINKTYPE_LINUX_SLL2 = 276
ARPHRD_ETHER = 1

# https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
_SLL2 = struct.Struct("!HHIHBB8s")
_PCAP = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_LONGEST = 1 << 18
"""Bytes of a frame that tcpdump keeps at most (its MAXIMUM_SNAPLEN)."""
_MAGIC_MICROSECONDS = 0xA1B2C3D4

_RING_KIB = 16384  # what 14,000 full frames need; at libpcap's 2 MiB a busy machine drops a tenth of a burst
_FILLER_TYPE = 0x88B5  # IEEE 802's number for local experiments
_FILLER_SIZE = 60_000


@dataclass(frozen=True)
class Frame:
    """A frame that came in by, or went out to, a port of the switch; one that passed appears as both.

    `at` is CLOCK_REALTIME in seconds (`History.when` converts it); `source` is a MAC address with colons;
    `payload` begins at layer 3, since captures of all ports carry no Ethernet header. A TCP segment may be
    longer than the MTU: between network cards of its own the kernel does not cut it up.
    """

    at: float
    port: str
    direction: Direction
    source: str
    ethertype: int
    payload: bytes

    @cached_property
    def packet(self) -> "Packet":
        """The payload as scapy sees it: IP, ARP (RARP too) or Raw."""
        from scapy.layers import inet, l2  # noqa: PLC0415 - takes half a second
        from scapy.packet import Raw  # noqa: PLC0415 - as above

        layer = {IPV4: inet.IP, ARP: l2.ARP, RARP: l2.ARP}.get(self.ethertype, Raw)
        return layer(self.payload)


class Capture:
    """tcpdump on all ports of the switch; when the constructor returns, no frame is missed any more.

    Or on the interfaces `ports` of another `place`; `only` is a filter (pcap-filter(7)). The names of the ports go
    beside the pcap, into `<name>.ports.json`. Leaving the context stops it.
    Raises MachineError where tcpdump is missing or does not start within `timeout` seconds.
    """

    def __init__(
        self,
        network: Network,
        path: Path,
        *,
        guardian: Guardian,
        timeout: float = 10,
        place: Namespace | None = None,
        ports: Collection[str] = PORTS,
        only: str = "",
    ) -> None:
        self.path = path
        self.dropped = 0
        """How many frames were lost, known after `stop`; above 0, the absence of a frame proves nothing."""
        self._stopped = False
        self._place = place or network.switch
        self._timeout = timeout
        numbered = {number: name for number, name in self._place.interfaces().items() if name in ports}
        name_ports(path, numbered)
        argv = ["tcpdump", "-n", "-i", "any", "-y", "LINUX_SLL2", "-s", "0", "-B", str(_RING_KIB), "-U"]
        argv += ["-Z", "root", "-w", str(path)]  # -Z: its own user cannot write into our folders
        argv += [f"({only}) or ether proto {_FILLER_TYPE:#x}"] if only else []
        self._process = Process(
            argv,
            name=f"tcpdump-{path.stem}",
            log_dir=path.parent,
            guardian=guardian,
            namespace=self._place,
        )
        try:
            self._await_start()
        except BaseException:
            self._process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process and group id of tcpdump."""
        return self._process.pid

    def stop(self) -> None:
        """End the capture; every frame that passed the switch before is in the file. Raises MachineError."""
        if self._stopped:
            return
        self._stopped = True
        try:
            if not self._process.alive:
                raise MachineError(f"tcpdump ended before it was told to:\n{self._process.stderr()}", "who killed it?")
            filler = self._push_out()
            self._process.signal(signal.SIGTERM)
            self._process.wait(self._timeout)
        except WaitTimeout as slow:
            raise MachineError(
                f"tcpdump does not keep up: {slow}", "the machine is too busy: run fewer tests at a time"
            ) from slow
        finally:
            self._process.kill()
        dropped = re.search(r"(\d+) packets dropped by kernel", self._process.stderr())
        self.dropped = int(dropped[1]) if dropped else 0
        _cut_off(self.path, filler)

    def _await_start(self) -> None:
        def listening() -> bool:
            return "listening on" in self._process.stderr() or not self._process.alive

        try:
            wait_until("tcpdump to listen", listening, timeout=self._timeout, interval=0.002)
        except WaitTimeout as slow:
            raise MachineError(f"tcpdump does not start: {slow}", "the machine is too busy") from slow
        if not self._process.alive:
            raise MachineError(
                f"`{self._process.command}` ended at once:\n{self._process.stderr()}",
                "capturing needs CAP_NET_RAW and a writable folder",
            )

    def _push_out(self) -> bytes:
        """Have all frames so far written; return the fillers' mark. Raises WaitTimeout.

        The kernel hands frames over in blocks of 256 KiB, one that is not full only after a second. Fillers
        on the place's loopback, which no guest hears, fill it; in the file they are behind all frames.
        """
        mark = os.urandom(16)
        behind = self.path.stat().st_size
        with self._place.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as loopback:
            for _ in range(6):
                loopback.sendto(mark.ljust(_FILLER_SIZE, b"\0"), ("lo", _FILLER_TYPE))

        def arrived() -> bool:
            with self.path.open("rb") as file:
                file.seek(behind)
                return mark in file.read()

        wait_until("tcpdump to write the last frame", arrived, timeout=self._timeout, interval=0.002)
        return mark


def frames(path: Path) -> Iterator[Frame]:
    """Read a capture lazily, frames on its ports only, in the order of their passing.

    The file of a capture that was killed may end within a frame, which is left out.
    Raises MachineError for a file that `Capture` did not write.
    """
    ports = {int(n): name for n, name in json.loads(_ports_path(path).read_text(encoding="utf-8")).items()}
    with path.open("rb") as file:
        for _, at, raw in _records(file):
            if len(raw) < _SLL2.size:
                continue
            ethertype, _, number, _, kind, length, address = _SLL2.unpack_from(raw)
            if (port := ports.get(number)) is None:
                continue
            direction: Direction = "out" if kind == PACKET_OUTGOING else "in"
            yield Frame(at, port, direction, address[:length].hex(":"), ethertype, raw[_SLL2.size :])


def name_ports(path: Path, ports: Mapping[int, str]) -> None:
    """Put beside a capture which of its interfaces are ports, by their numbers."""
    _ports_path(path).write_text(json.dumps(ports), encoding="utf-8")


def write(path: Path, ports: Sequence[str], seen: Iterable[Frame]) -> None:
    """Write what `frames` reads."""
    numbers = {name: number for number, name in enumerate(ports, 1)}
    name_ports(path, {number: name for name, number in numbers.items()})
    with path.open("wb") as file:
        file.write(_PCAP.pack(_MAGIC_MICROSECONDS, 2, 4, 0, 0, 1 << 18, LINKTYPE_LINUX_SLL2))
        for frame in seen:
            address = bytes.fromhex(frame.source.replace(":", ""))
            kind = PACKET_OUTGOING if frame.direction == "out" else 0
            head = _SLL2.pack(frame.ethertype, 0, numbers[frame.port], ARPHRD_ETHER, kind, len(address), address)
            seconds, rest = divmod(frame.at, 1)
            size = len(head) + len(frame.payload)
            file.write(_RECORD.pack(int(seconds), int(rest * 1e6), size, size) + head + frame.payload)


def _records(file: IO[bytes]) -> Iterator[tuple[int, float, bytes]]:
    """Yield (offset in the file, seconds of CLOCK_REALTIME, the bytes) for each whole record."""
    header = file.read(_PCAP.size)
    if len(header) < _PCAP.size:
        return
    magic, *_, link = _PCAP.unpack(header)
    if (magic, link) != (_MAGIC_MICROSECONDS, LINKTYPE_LINUX_SLL2):
        raise MachineError(f"{file.name} is no capture of ours: {magic:#x}, link type {link}", "capture anew")
    offset = _PCAP.size
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        seconds, microseconds, size, _ = _RECORD.unpack(head)
        if size > _LONGEST:
            raise MachineError(f"{file.name} is damaged at {offset}: a frame of {size} bytes", "capture anew")
        raw = file.read(size)
        if len(raw) < size:
            return
        yield offset, seconds + microseconds / 1e6, raw
        offset += _RECORD.size + size


def _cut_off(path: Path, mark: bytes) -> None:
    """Truncate a capture where the fillers begin."""
    with path.open("rb") as file:
        start = next((offset for offset, _, raw in _records(file) if mark in raw[:64]), None)
    if start is not None:
        os.truncate(path, start)


def _ports_path(path: Path) -> Path:
    return path.with_suffix(".ports.json")
