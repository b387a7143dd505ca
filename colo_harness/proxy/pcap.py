"""The frames of a bench's history as pcap files, one for each port."""

import struct
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from colo_harness.history import Entry

# https://www.tcpdump.org/manpages/pcap-savefile.5.html
_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
_RECORD = struct.Struct("<IIII")
_SPOKEN = "notify_dev"
"""A port that carries words and no frames."""


def write_pcaps(entries: Iterable[Entry], origin: float, folder: Path) -> list[Path]:
    """Write `<port>.pcap` for each port that frames passed, and return the paths.

    `origin` is the history's, in seconds of CLOCK_REALTIME. Virtio-net headers are left out.
    """
    records: dict[str, list[bytes]] = defaultdict(list)
    for entry in entries:
        if entry.kind == "frame" and entry.data.get("hex") and not entry.who.startswith(_SPOKEN):
            frame = bytes.fromhex(entry.data["hex"])
            seconds, rest = divmod(origin + entry.at, 1)
            records[entry.who].append(_RECORD.pack(int(seconds), int(rest * 1e6), len(frame), len(frame)) + frame)
    paths = []
    for port, lines in sorted(records.items()):
        path = folder / f"{port}.pcap"
        path.write_bytes(_HEAD + b"".join(lines))
        paths.append(path)
    return paths
