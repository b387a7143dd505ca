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


SOUND = Sabotage("sound", "Nothing.")

_ALL = (
    Sabotage("frames-swapped", "The second frame that comes out overtakes the first.", {"outdev": meddling.swapped}),
    Sabotage("frame-doubled", "The first frame that comes out comes twice.", {"outdev": meddling.doubled}),
    Sabotage("frame-dropped", "The first frame that comes out is lost.", {"outdev": meddling.dropped}),
    Sabotage(
        "byte-changed",
        "The 1,400th byte of the first long frame that comes out is changed.",
        {"outdev": meddling.changed(1399)},
    ),
    Sabotage(
        "last-byte-changed",
        "The last byte of the first frame that comes out is changed.",
        {"outdev": meddling.changed(-1)},
    ),
    Sabotage(
        "checksum-stale",
        "The first TCP segment that comes out has a wrong checksum.",
        {"outdev": meddling.stale_checksum},
    ),
    Sabotage(
        "checkpoint-unasked",
        "Nobody hears that colo-compare asks for a checkpoint.",
        {"notify_dev": meddling.saying(b"DO_CHECKPOINT")},
    ),
    Sabotage(
        "checkpoint-untold",
        "colo-compare does not hear that a checkpoint is done.",
        {"notify_dev": meddling.saying(b"COLO_CHECKPOINT")},
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
)
SABOTAGES: Mapping[str, Sabotage] = {each.name: each for each in _ALL}


def sabotage(name: str | None) -> Sabotage:
    """Return the sabotage of this name; None is a sound bench. Raises UsageError."""
    if name is None:
        return SOUND
    if name not in SABOTAGES:
        raise UsageError(f"there is no sabotage {name!r} of a bench", f"choose one of {', '.join(SABOTAGES)}")
    return SABOTAGES[name]
