"""Men in the middle: what each of them does to the packets that pass him on their way to or from a port."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from colo_harness.proxy.flow import Flow
from colo_harness.proxy.port import Meddler
from colo_harness.proxy.wire import Packet

Choice = Callable[[Packet], bool]

# in an Ethernet frame with an IPv4 header without options
ADDRESSES = slice(26, 38)
"""Source, destination, and both ports."""
TIMESTAMP = slice(58, 62)
"""TSval behind two no-operations."""
CHECKSUM = slice(50, 52)
"""Of TCP."""


def any_packet(_packet: Packet) -> bool:
    """Choose whatever comes."""
    return True


def once(meddle: Callable[[Packet], Iterable[Packet]], choice: Choice = any_packet) -> Meddler:
    """Meddle with the first packet that is chosen, and with no other."""
    done = False

    def pass_on(packet: Packet) -> Iterable[Packet]:
        nonlocal done
        if done or not choice(packet):
            return [packet]
        done = True
        return meddle(packet)

    return pass_on


def doubled() -> Meddler:
    """Pass the first packet on twice."""
    return once(lambda packet: [packet, packet])


def dropped() -> Meddler:
    """Swallow the first packet."""
    return once(lambda _packet: [])


def silent() -> Meddler:
    """Swallow everything."""
    return lambda _packet: []


def cut_short() -> Meddler:
    """Leave out the last byte of the first packet."""
    return once(lambda packet: [replace(packet, frame=packet.frame[:-1])])


def changed(at: int) -> Callable[[], Meddler]:
    """Change byte `at` (from 0; negative from the end) of the first frame that has one."""

    def meddle(packet: Packet) -> Iterable[Packet]:
        frame = bytearray(packet.frame)
        frame[at] ^= 0xFF
        return [replace(packet, frame=bytes(frame))]

    return lambda: once(meddle, lambda packet: len(packet.frame) >= (at + 1 if at >= 0 else -at))


def swapped() -> Meddler:
    """Let the second packet overtake the first."""
    held: list[Packet] = []
    seen = 0

    def pass_on(packet: Packet) -> Iterable[Packet]:
        nonlocal seen
        seen += 1
        if seen == 1:
            held.append(packet)
            return []
        return [packet, *(held.pop() for _ in list(held))]

    return pass_on


def delayed(by: int) -> Callable[[], Meddler]:
    """Let so many packets overtake the first."""

    def make() -> Meddler:
        held: list[Packet] = []
        seen = 0

        def pass_on(packet: Packet) -> Iterable[Packet]:
            nonlocal seen
            seen += 1
            if seen == 1:
                held.append(packet)
                return []
            return [packet, *held] if seen == by + 1 else [packet]

        return pass_on

    return make


def saying(text: bytes) -> Callable[[], Meddler]:
    """Swallow each packet that is this text."""
    return lambda: lambda packet: [] if packet.frame == text else [packet]


def readdressed(flow: Flow) -> Callable[[], Meddler]:
    """Put the first frame into another flow, with checksums that do not suit it."""

    def meddle(packet: Packet) -> Iterable[Packet]:
        frame = bytearray(packet.frame)
        frame[ADDRESSES] = flow.tcp()[ADDRESSES]
        return [replace(packet, frame=bytes(frame))]

    return lambda: once(meddle)


def stale_checksum() -> Meddler:
    """Put another checksum into the first TCP segment: as if it had been changed without counting anew."""

    def meddle(packet: Packet) -> Iterable[Packet]:
        frame = bytearray(packet.frame)
        frame[CHECKSUM] = bytes(byte ^ 0x55 for byte in frame[CHECKSUM])
        return [replace(packet, frame=bytes(frame))]

    return once(meddle, lambda packet: len(packet.frame) >= CHECKSUM.stop and packet.frame[23] == 6)  # noqa: PLR2004 - TCP


def clock_set_back() -> Meddler:
    """Set the timestamp of each segment that has one, as Linux places it, to a tick before the last one's."""
    clock = 1 << 31

    def pass_on(packet: Packet) -> Iterable[Packet]:
        nonlocal clock
        if packet.frame[TIMESTAMP.start - 4 : TIMESTAMP.start] != b"\x01\x01\x08\x0a":
            return [packet]
        clock -= 1
        frame = packet.frame[: TIMESTAMP.start] + clock.to_bytes(4) + packet.frame[TIMESTAMP.stop :]
        return [replace(packet, frame=frame)]

    return pass_on
