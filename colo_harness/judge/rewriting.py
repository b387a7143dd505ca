"""What the filter-rewriter did: each frame came out on the other side as it was due there."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.likeness import Album, differing, picture
from colo_harness.judge.seen import steps_of
from colo_harness.judge.verdict import Breach, Verdict, checker, decide

_ROUTES = {"client_in": "guest_out", "guest_in": "client_out"}
_NUMBERS = {"sequence number": slice(38, 42), "acknowledgement": slice(42, 46)}
_CHECKSUM = slice(50, 52)
_ADDRESSES = slice(26, 38)
_PLAIN_TCP = b"\x08\x00\x45"
_PROTOCOL, _TCP = 23, 6
_VIRTIO = struct.Struct("<BBHHHH")
_NEEDS_CHECKSUM = 1  # virtio 1.2, 5.1.6: VIRTIO_NET_HDR_F_NEEDS_CSUM


@checker
def rewritten(entries: Sequence[Entry]) -> Verdict:
    """Each frame of client and guest came out on the other side once, in order, just as it was due there.

    A frame that says what is "due" is to be that, any other one is to be unchanged. Where a virtio-net header leaves
    the checksum to the receiver, it is the receiver's that counts.
    """
    breaches = [
        Breach("frames no longer came out on both sides", entry.at, (entry.line,))
        for entry in entries
        if entry.kind == "phase" and entry.what == "unsettled"
    ]
    count = 0
    for way_in, way_out in _ROUTES.items():
        sent = [_due(entry) for entry in entries if _is_frame(entry, way_in, "in") and "name" in entry.data]
        seen = [_received(entry) for entry in entries if _is_frame(entry, way_out, "out")]
        breaches += _judge_route(sent, seen)
        count += len(sent)
    return decide(breaches, [] if count else ["nobody sent a frame"], f"{count} frames, each as it was due")


def words(entries: Sequence[Entry]) -> list[str]:
    """Return step by step the names of what came out; an exclamation mark is behind what was not as it was due."""
    albums = {
        way_out: Album([_due(entry) for entry in entries if _is_frame(entry, way_in, "in")], [way_in])
        for way_in, way_out in _ROUTES.items()
    }
    told = []
    for step in steps_of(entries):
        out = [
            albums[one.who].recognise(_received(one)) for one in step.entries if one.what == "out" and one.who in albums
        ]
        told.append(" ".join(sighting.name + ("!" if sighting.wrong else "") for sighting in out))
    return told


def _is_frame(entry: Entry, port: str, way: str) -> bool:
    return (entry.kind, entry.who, entry.what) == ("frame", port, way)


def _judge_route(sent: Sequence[Entry], seen: Sequence[Entry]) -> Iterator[Breach]:
    albums = {key: Album(flow, [flow[0].who]) for key, flow in _flows(sent).items()}
    strangers = Album([], [])
    dues = {str(entry.data["name"]): entry for entry in sent}
    names: list[str] = []
    for entry in seen:
        sighting = albums.get(_flow(entry), strangers).recognise(entry)
        names.append(sighting.name)
        if sighting.wrong:
            wrong = _numbers(dues.get(sighting.name), entry) or sighting.wrong
            yield Breach(f"{sighting.name} {wrong}", entry.at, (entry.line,))
    for name in dues.keys() - set(names):
        yield Breach(f"{name} was dropped: it did not come out", dues[name].at, (dues[name].line,))
    place = {name: number for number, name in enumerate(dues)}
    for (before, _), (after, entry) in pairwise(zip(names, seen, strict=True)):
        if place.get(before, -1) > place.get(after, len(place)):
            yield Breach(f"{after} and {before} came out swapped", entry.at, (entry.line,))


def _flows(sent: Sequence[Entry]) -> dict[bytes, list[Entry]]:
    flows: dict[bytes, list[Entry]] = {}
    for entry in sent:
        flows.setdefault(_flow(entry), []).append(entry)
    return flows


def _flow(entry: Entry) -> bytes:
    """Return the addresses and ports of a frame, as far as it has any: an altered frame is one of its flow."""
    frame = picture(entry)[1]
    return frame[_ADDRESSES] if _is_tcp(frame) else b""


def _numbers(due: Entry | None, seen: Entry) -> str:
    """Say which of its numbers a TCP segment should not have; empty if it is another thing that is wrong."""
    if due is None:
        return ""
    one, other = picture(due)[1], picture(seen)[1]
    if len(one) != len(other) or len(one) < _CHECKSUM.stop or not _is_tcp(one):
        return ""
    wrong = [
        f"{what} {int.from_bytes(other[where])}, not {int.from_bytes(one[where])}"
        for what, where in _NUMBERS.items()
        if one[where] != other[where]
    ]
    others = {at for where in (*_NUMBERS.values(), _CHECKSUM) for at in range(where.start, where.stop)}
    more = "" if others.issuperset(differing(one, other)) else ", and more is wrong"
    return f"came out with {' and '.join(wrong)}{more}" if wrong else ""


def _is_tcp(frame: bytes) -> bool:
    return frame[12:].startswith(_PLAIN_TCP) and frame[_PROTOCOL] == _TCP


def _due(entry: Entry) -> Entry:
    """Return the entry with the frame that its receiver is to have."""
    received = _received(entry)
    due = entry.data.get("due", received.data.get("hex", ""))
    return replace(received, data={**received.data, "hex": due})


def _received(entry: Entry) -> Entry:
    """Return the entry of a frame as its receiver has it: with the checksum that is left to him."""
    header, frame = picture(entry)
    if len(header) < _VIRTIO.size or not header[0] & _NEEDS_CHECKSUM:
        return entry
    _, _, _, _, start, offset = _VIRTIO.unpack_from(header)
    total = sum(int.from_bytes(frame[at : at + 2].ljust(2, b"\0")) for at in range(start, len(frame), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    place = start + offset
    whole = frame[:place] + (~total & 0xFFFF).to_bytes(2) + frame[place + 2 :]
    bare = bytes([header[0] & ~_NEEDS_CHECKSUM]) + header[1:6] + bytes(4) + header[10:]
    return replace(entry, data={**entry.data, "hex": whole.hex(), "header": bare.hex()})
