"""Sessions over UDP and ICMP, where a datagram may be lost but never changed or invented."""

import contextlib
import socket
import struct
import sys
from array import array
from collections.abc import Callable
from typing import ClassVar

from colo_harness.traffic.content import lines, record_of
from colo_harness.traffic.session import Session, Target, WrongAnswer, compare

_ECHO_REPLY, _ECHO_REQUEST = 0, 8  # RFC 792
_SOL_RAW, _ICMP_FILTER = 255, 1  # linux/icmp.h
_LONGEST = 65535


class DatagramSession(Session):
    """A session over a socket whose datagrams may get lost; nothing is recorded at its start and end."""

    lossy = True
    socket: socket.socket

    def __init__(self, target: Target, name: str, *, timeout: float) -> None:
        super().__init__(target, name)
        self.timeout = timeout
        self._open()

    def _open(self) -> None:
        raise NotImplementedError

    def _receive(self) -> bytes:
        self.socket.settimeout(self.remaining())
        data = self.socket.recv(_LONGEST)
        if self._stopped:
            raise EOFError
        return data

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):  # closed already: nobody waits in it
            self.socket.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        self.socket.close()


class UdpSession(DatagramSession):
    """A connected UDP socket."""

    port: ClassVar[int]

    def _open(self) -> None:
        self.socket = self.target.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((self.target.address, self.port))


class UdpQuestions(UdpSession):
    """Asks in datagrams that have no number; after a lost one from a new port, so that no late answer comes."""

    _lost = False

    def _question(self, request: bytes) -> bytes:
        if self._lost:
            self._release()
            self._open()
        self._lost = True
        self.socket.send(request)
        got = self._receive()
        self._lost = False
        return got


class UdpEcho(UdpSession):
    """Each datagram comes back."""

    kind = "udp-echo"
    what = "udp"
    port = 7
    size = 512

    def _exchange_one(self, n: int) -> None:
        sent = lines(self.seed, n, self.size)
        with self.operation("udp", n=n) as answer:
            self.socket.send(sent)
            got = self._receive()
            while is_late(got, self.seed, n):
                got = self._receive()
            compare(answer, sent, got)


class Burst(UdpEcho):
    """Many datagrams are asked before the first answer is waited for."""

    kind = what = "burst"

    def ask(self, count: int) -> None:
        """Send `count` datagrams in a row; the history gets the order in which their answers came."""
        if not self._usable("burst"):
            return
        first, self.next_record = self.next_record, self.next_record + count
        asked = {lines(self.seed, n, self.size): n for n in range(first, first + count)}
        with self.operation("burst", n=first, count=count) as answer:
            for datagram in asked:
                self.socket.send(datagram)
            order: list[int] = []
            while len(order) < count:
                if (got := self._receive()) not in asked:
                    raise WrongAnswer("an answer to nothing that was asked")
                order.append(asked[got] - first)
            answer["order"] = order


class IcmpSession(DatagramSession):
    """A raw ICMP socket; `identifier` tells its echo replies from those of other sessions."""

    def __init__(self, target: Target, name: str, *, timeout: float, identifier: int) -> None:
        self.identifier = identifier & 0xFFFF
        super().__init__(target, name, timeout=timeout)

    def _open(self) -> None:
        self.socket = self.target.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        only_replies = struct.pack("@I", 0xFFFFFFFF ^ 1 << _ECHO_REPLY)
        self.socket.setsockopt(_SOL_RAW, _ICMP_FILTER, only_replies)
        self.socket.connect((self.target.address, 0))

    def _send_request(self, sequence: int, payload: bytes) -> None:
        head = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, self.identifier, sequence & 0xFFFF)
        checksum = internet_checksum(head + payload)
        self.socket.send(head[:2] + struct.pack("!H", checksum) + head[4:] + payload)

    def _receive_reply(self, sequence: int, is_late: Callable[[int, bytes], bool]) -> bytes:
        """Return the payload of the reply to `sequence`; skip others' replies, and late ones.

        Raises WrongAnswer for a reply that is damaged or that nothing has asked for.
        """
        while True:
            packet = self._receive()
            icmp = packet[(packet[0] & 15) * 4 :]
            _, _, _, identifier, number = struct.unpack("!BBHHH", icmp[:8])
            if identifier != self.identifier:
                continue
            if internet_checksum(icmp):
                raise WrongAnswer(f"the checksum of the reply to sequence {number} is wrong")
            if number == sequence & 0xFFFF:
                return icmp[8:]
            if not is_late(number, icmp[8:]):
                raise WrongAnswer(f"a reply to sequence {number}, which was never asked so")


class Ping(IcmpSession):
    """Each echo request is replied to."""

    kind = what = "ping"
    size = 64

    def _exchange_one(self, n: int) -> None:
        sent = lines(self.seed, n, self.size)
        with self.operation("ping", n=n) as answer:
            self._send_request(n, sent)
            compare(answer, sent, self._receive_reply(n, lambda _, payload: is_late(payload, self.seed, n)))


def is_late(payload: bytes, seed: int, n: int) -> bool:
    """Tell whether a payload is the whole one of a record that was asked for before record `n`."""
    record = record_of(payload)
    return record is not None and record < n and payload == lines(seed, record, len(payload))


def internet_checksum(data: bytes) -> int:
    """Return the one's complement checksum (RFC 1071); 0 for data that hold their right one."""
    words = array("H", data + bytes(len(data) % 2))
    if sys.byteorder == "little":
        words.byteswap()
    total = sum(words)
    while carry := total >> 16:
        total = (total & 0xFFFF) + carry
    return total ^ 0xFFFF
