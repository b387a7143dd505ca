"""What a client does with the timestamps of a session (PAWS, RFC 7323, 5)."""

from collections.abc import Sequence

from colo_harness.history import Entry
from colo_harness.judge.explanation import recorded
from colo_harness.judge.moments import phases
from colo_harness.judge.packets import Flow, parse
from colo_harness.judge.verdict import Breach, Verdict, checker, decide

_HALF, _CYCLE = 1 << 31, 1 << 32
_TCP = 34  # where it starts behind Ethernet and an IPv4 header without options
_KIND, _LENGTH = 8, 10


@checker
def timestamps_taken(entries: Sequence[Entry]) -> Verdict:
    """No segment of the survivor has a timestamp that makes the client drop it as an old duplicate.

    Before the failover the client hears the primary, and that is what was due; then what comes out at client_out. A
    timestamp is old if it is behind the last one that was taken by less than half of the cycle (RFC 7323, 5.2, R1).
    """
    lost = min((entry.at for entry in phases(entries, "failover")), default=float("inf"))
    recent: dict[bytes, int] = {}
    breaches, count = [], 0
    for entry in entries:
        frame = _heard(entry, survivor=entry.at >= lost)
        clock = tsval(frame)
        if clock is None:
            continue
        last = recent.setdefault(frame[26:38], clock)
        behind = (last - clock) % _CYCLE
        if entry.at >= lost:
            count += 1
        if 0 < behind < _HALF:
            breaches.append(Breach(f"TSval {clock} is {behind} behind {last}: dropped", entry.at, (entry.line,)))
        else:
            recent[frame[26:38]] = clock
    return decide(
        breaches, [] if count else ["the survivor sent no timestamp"], f"{count} timestamps, all of them taken"
    )


@checker
def none_outdated(entries: Sequence[Entry]) -> Verdict:
    """No new bytes leave colo-compare under an older timestamp than one that left before in their stream.

    A client who has heard the newer one throws them away. Read from the frames of outdev.
    """
    latest: dict[Flow, tuple[int, int]] = {}
    breaches, count = [], 0
    for heard in recorded(entries):
        packet, clock = parse(heard.frame), tsval(heard.frame)
        if heard.ear != "outdev" or packet is None or clock is None:
            continue
        count += 1
        end, last = latest.setdefault(packet.flow, (packet.seq, clock))
        reached = packet.seq + len(packet.payload)
        new, old = 0 < (reached - end) % _CYCLE < _HALF, 0 < (last - clock) % _CYCLE < _HALF
        if new and old:
            text = f"new bytes of {packet.flow} left under TSval {clock}, behind {last}: dropped"
            breaches.append(Breach(text, heard.at, (heard.line,)))
        latest[packet.flow] = (reached if new else end, last if old else clock)
    return decide(breaches, [] if count else ["no timestamp left colo-compare"], f"{count} timestamps, none too old")


def _heard(entry: Entry, *, survivor: bool) -> bytes:
    """Return the frame that the client hears; empty where this is none."""
    if entry.kind != "frame" or (entry.who, entry.what) != (("client_out", "out") if survivor else ("guest_in", "in")):
        return b""
    return bytes.fromhex(entry.data["hex"] if survivor else entry.data.get("due", ""))


def tsval(frame: bytes) -> int | None:
    """Return TSval of a TCP segment; None where it has none."""
    at, end = _TCP + 20, _TCP + (frame[_TCP + 12] >> 4) * 4 if len(frame) > _TCP + 12 else 0
    while at + 1 < end:
        if frame[at] == _KIND and at + _LENGTH <= end:
            return int.from_bytes(frame[at + 2 : at + 6])
        at += 1 if frame[at] <= 1 else max(frame[at + 1], 2)
    return None
