"""Likeness: which frame that was sent a frame that came out is, and what was done to it on the way."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from colo_harness.history import Entry

_ETHERNET = 14
_SUM = {6: 16, 17: 6, 1: 2}  # protocol -> offset of its checksum behind the IP header


@dataclass(frozen=True)
class Sighting:
    """What came out is `name`, which was sent; `wrong` says in what it is not what was sent, empty if in nothing."""

    name: str
    wrong: str = ""


class Album:
    """The frames that were sent, to recognise what comes out; each is expected to come out once.

    Of equal frames, those of a port that is named first in `ports` are recognised first, then in order of sending.
    """

    def __init__(self, entries: Iterable[Entry], ports: Iterable[str]) -> None:
        rank = {port: place for place, port in enumerate(ports)}
        sent = [entry for entry in entries if entry.kind == "frame" and entry.what == "in" and entry.who in rank]
        self._sent = {
            entry.data["name"]: picture(entry)
            for entry in sorted(sent, key=lambda one: rank[one.who])
            if "name" in entry.data
        }
        self._unseen: dict[tuple[bytes, bytes], list[str]] = defaultdict(list)
        self._seen: dict[tuple[bytes, bytes], str] = {}
        for name, frame in self._sent.items():
            self._unseen[frame].append(name)

    def recognise(self, entry: Entry) -> Sighting:
        """Tell which frame this is that came out."""
        frame = picture(entry)
        if names := self._unseen.get(frame):
            self._seen[frame] = name = names.pop(0)
            return Sighting(name)
        if frame in self._seen:
            return Sighting(self._seen[frame], "came out doubled")
        return self._nearest(frame)

    def _nearest(self, frame: tuple[bytes, bytes]) -> Sighting:
        unseen = {name for names in self._unseen.values() for name in names}
        alike = [name for name in self._sent if name in unseen and len(self._sent[name][1]) == len(frame[1])]
        if not alike:
            return Sighting("?", f"of {len(frame[1])} bytes came out, which nobody sent")
        name = min(alike, key=lambda one: len(differing(self._sent[one][1], frame[1])))
        sent = self._sent[name]
        self._unseen[sent].remove(name)
        self._seen[frame] = name
        return Sighting(name, difference(sent[1], frame[1]) or "came out with another virtio-net header")


def picture(entry: Entry) -> tuple[bytes, bytes]:
    """Return the virtio-net header and the frame of an entry."""
    return bytes.fromhex(entry.data.get("header", "")), bytes.fromhex(entry.data.get("hex", ""))


def differing(sent: bytes, seen: bytes) -> list[int]:
    """Return the offsets at which two frames of one length differ."""
    return [at for at, (one, other) in enumerate(zip(sent, seen, strict=True)) if one != other]


def difference(sent: bytes, seen: bytes) -> str:
    """Say in what two frames of one length differ; empty if in nothing. Bytes are counted from 1."""
    offsets = differing(sent, seen)
    if not offsets:
        return ""
    if offsets[0] >= (start := _checksum_at(sent)) and offsets[-1] < start + 2:
        return "came out with a stale checksum"
    first = offsets[0]
    more = f" and {len(offsets) - 1} more" if len(offsets) > 1 else ""
    return f"came out changed at byte {first + 1} (0x{sent[first]:02x} as 0x{seen[first]:02x}){more}"


def _checksum_at(frame: bytes) -> int:
    """Return where the checksum of a TCP, UDP or ICMP frame is; beyond its end for any other."""
    if frame[12:14] != b"\x08\x00" or len(frame) <= _ETHERNET + 9 or frame[_ETHERNET + 9] not in _SUM:
        return len(frame)
    return _ETHERNET + (frame[_ETHERNET] & 15) * 4 + _SUM[frame[_ETHERNET + 9]]
