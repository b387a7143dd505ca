"""Benches that are broken in one place on purpose: what a claim's control runs on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.proxy import meddling
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.port import Meddler


@dataclass(frozen=True)
class Sabotage:
    """One deliberate defect of a bench; the test that runs on it is the claim's own."""

    name: str
    breaks: str
    """One sentence: what is broken, and how a sound bench differs."""
    meddlers: Mapping[str, Callable[[], Meddler]] = field(default_factory=dict)
    """Port -> the man in the middle there."""
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Object type -> properties that it gets in place of the test's."""
    untold: frozenset[str] = frozenset()
    """QMP commands that are left out."""


SOUND = Sabotage("sound", "Nothing.")
_LEAVING = ("outdev", "client_out", "guest_out")
"""The ports that a bench's frames come out of."""


def _leaving(meddler: Callable[[], Meddler]) -> Mapping[str, Callable[[], Meddler]]:
    return dict.fromkeys(_LEAVING, meddler)


_ALL = (
    Sabotage("frames-swapped", "The second frame that comes out overtakes the first.", _leaving(meddling.swapped)),
    Sabotage("frame-doubled", "The first frame that comes out comes twice.", _leaving(meddling.doubled)),
    Sabotage("frame-dropped", "The first frame that comes out is lost.", _leaving(meddling.dropped)),
    Sabotage(
        "frame-delayed", "The first frame that comes out comes behind three others.", {"outdev": meddling.delayed(3)}
    ),
    Sabotage("frame-cut", "The last byte of the first frame that comes out is missing.", _leaving(meddling.cut_short)),
    Sabotage(
        "byte-changed",
        "The 1,400th byte of the first long frame that comes out is changed.",
        _leaving(meddling.changed(1399)),
    ),
    Sabotage(
        "last-byte-changed",
        "The last byte of the first frame that comes out is changed.",
        _leaving(meddling.changed(-1)),
    ),
    Sabotage(
        "checksum-stale",
        "The first TCP segment that comes out has a wrong checksum.",
        _leaving(meddling.stale_checksum),
    ),
    Sabotage(
        "checkpoint-unasked",
        "Nobody hears that colo-compare asks for a checkpoint.",
        {"notify_dev": meddling.saying(b"DO_CHECKPOINT")},
    ),
    Sabotage(
        "checkpoint-untold",
        "Neither colo-compare nor a filter hears that a checkpoint is done.",
        {"notify_dev": meddling.saying(b"COLO_CHECKPOINT")},
        untold=frozenset({"xen-colo-do-checkpoint"}),
    ),
    Sabotage(
        "clock-set-back",
        "The guest's TCP timestamps run backwards.",
        {"client_out": meddling.clock_set_back},
    ),
    Sabotage(
        "rewriting-off",
        "The filter-rewriter is there but off.",
        properties={"filter-rewriter": {"status": "off"}},
    ),
    Sabotage(
        "secondary-altered",
        "The last byte of the secondary's first frame is changed on its way.",
        {"secondary_in": meddling.changed(-1)},
    ),
    Sabotage("secondary-mute", "The secondary's first frame is lost on its way.", {"secondary_in": meddling.dropped}),
    Sabotage(
        "secondary-silent",
        "Every frame of the secondary is lost on its way.",
        {"secondary_in": meddling.silent},
    ),
    Sabotage(
        "secondary-readdressed",
        "The secondary's first frame gets the addresses and ports of another connection on its way.",
        {"secondary_in": meddling.readdressed(Flow())},
    ),
    Sabotage(
        "inputs-crossed",
        "The primary's and the secondary's inputs are crossed.",
        properties={"colo-compare": {"primary_in": "secondary_in", "secondary_in": "primary_in"}},
    ),
    Sabotage(
        "comparison-patient",
        "colo-compare's time-outs are far too long.",
        properties={"colo-compare": {"compare_timeout": 3_600_000}},
    ),
    Sabotage(
        "comparison-hasty",
        "colo-compare's time-out is far too short.",
        properties={"colo-compare": {"compare_timeout": 1}},
    ),
    Sabotage(
        "scans-rare",
        "colo-compare looks for old frames far too rarely.",
        properties={"colo-compare": {"expired_scan_cycle": 3_600_000}},
    ),
    Sabotage(
        "scans-often",
        "colo-compare looks for old frames far too often.",
        properties={"colo-compare": {"expired_scan_cycle": 20}},
    ),
    Sabotage(
        "queue-endless",
        "colo-compare's queues have no end.",
        properties={"colo-compare": {"max_queue_size": 1_000_000}},
    ),
    Sabotage(
        "queue-short",
        "colo-compare's queues are far too short.",
        properties={"colo-compare": {"max_queue_size": 2}},
    ),
    Sabotage(
        "original-lost", "The first frame that a filter passes on to the guest is lost.", {"guest": meddling.dropped}
    ),
    Sabotage("original-doubled", "The first frame that reaches the guest comes twice.", {"guest": meddling.doubled}),
    Sabotage(
        "original-changed",
        "The 1,400th byte of the first long frame that reaches the guest is changed.",
        {"guest": meddling.changed(1399)},
    ),
    Sabotage(
        "input-changed",
        "The last byte of the first frame is changed on its way to indev.",
        {"indev": meddling.changed(-1)},
    ),
    Sabotage(
        "inputs-swapped", "The second frame overtakes the first on its way to indev.", {"indev": meddling.swapped}
    ),
    Sabotage(
        "queues-alike",
        "Each filter sits on the queue rx, whatever the test wants.",
        properties={"filter-mirror": {"queue": "rx"}, "filter-redirector": {"queue": "rx"}},
    ),
    Sabotage(
        "places-alike",
        "Each filter goes to the tail of the list, whatever the test wants.",
        properties={"filter-mirror": {"position": "tail"}, "filter-redirector": {"position": "tail"}},
    ),
    Sabotage(
        "filters-off",
        "Filters are off when they are made.",
        properties={"filter-mirror": {"status": "off"}, "filter-redirector": {"status": "off"}},
    ),
    Sabotage(
        "filters-on",
        "Filters are on when they are made.",
        properties={"filter-mirror": {"status": "on"}, "filter-redirector": {"status": "on"}},
    ),
    Sabotage(
        "headers-untold",
        "Filters do not tell how long a virtio-net header is.",
        properties={"filter-mirror": {"vnet_hdr_support": False}, "filter-redirector": {"vnet_hdr_support": False}},
    ),
    Sabotage(
        "outdev-elsewhere",
        "The filter-redirector has an outdev of its own, whatever the test wants.",
        properties={"filter-redirector": {"outdev": "elsewhere"}},
    ),
    Sabotage(
        "netdev-elsewhere",
        "The filter-mirror sits on the bench's own netdev, whatever the test wants.",
        properties={"filter-mirror": {"netdev": "net"}},
    ),
)
SABOTAGES: Mapping[str, Sabotage] = {each.name: each for each in _ALL}


def sabotage(name: str | None) -> Sabotage:
    """Return the sabotage of this name; None is a sound bench. Raises UsageError."""
    if name is None:
        return SOUND
    if name not in SABOTAGES:
        raise UsageError(f"there is no sabotage {name!r} of a bench", f"choose one of {', '.join(SABOTAGES)}")
    return SABOTAGES[name]
