"""An account of an explanation, as people and as programs read it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from colo_harness.judge.explanation import Cause, Explanation, Group

COLOURS = {"well": "green", "fairly": "yellow", "badly": "red", "unknown": "yellow"}
AGAIN = " (the checkpoint before had let go one like it)"
WORDS = {
    "due": "x-checkpoint-delay was over",
    "asked": "somebody asked for it",
    "unexplained": "nothing that was seen explains it",
    "acknowledgement": "the primary acknowledged what the secondary had not",
}


def table(explanation: Explanation) -> Table:
    """Return a line for each service and reason, the forced ones first."""
    heads = (Column("checkpoints", justify="right"), "why", "of", Column("what was seen first", overflow="fold"))
    drawn = Table(*heads, Column("at", justify="right"), box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for group in explanation.groups():
        first = group.causes[0]
        colour = {True: "red", False: "" if group.reason in ("due", "asked") else "yellow"}[first.forced]
        when = f"{first.at - explanation.start:.2f} s"
        drawn.add_row(str(len(group.causes)), Text(group.reason, colour), _whose(group), said(first), when)
    return drawn


def said(cause: Cause) -> str:
    """Return what was seen of a cause: the first byte that differs, or who was waited for."""
    return _seen(cause) + (AGAIN if cause.again else "")


def _seen(cause: Cause) -> str:
    pair = (cause.primary, cause.secondary)
    match cause.reason:
        case "payload":
            return f"{_place(cause.offset or 0)}: primary {_byte(pair[0])}, secondary {_byte(pair[1])}"
        case "size":
            return f"primary {pair[0]} bytes, secondary {pair[1]}"
        case "order":
            return f"no byte, but {pair[0]} frames of the primary waited for {pair[1]} of the secondary"
        case "segmentation":
            return f"no byte, but segments from byte {pair[0]} and from byte {pair[1]} on"
        case "timeout":
            return _vain_wait(cause)
        case other:
            return WORDS[other]


def _vain_wait(cause: Cause) -> str:
    if cause.side is None or cause.since is None:
        return "a frame waited too long; which one was not seen"
    silent = {"primary": "secondary", "secondary": "primary"}[cause.side]
    return f"a frame of the {cause.side} had waited {cause.at - cause.since:.2f} s for the {silent}'s"


def _place(offset: int) -> str:
    return f"byte {offset}" if offset >= 0 else f"{-offset} bytes before the payload"


def sentences(explanation: Explanation) -> Iterator[Text]:
    """Yield the verdict and the figures that it is made of."""
    forced, all_of_them = len(explanation.forced), len(explanation.causes)
    lasted = explanation.end - explanation.start
    sent = explanation.passed + explanation.held + explanation.waiting
    often = f"it forced a checkpoint every {lasted / max(forced, 1):.1f} s"
    verdict = {
        "well": "This workload suits COLO well: it forced no checkpoint.",
        "fairly": f"This workload suits COLO fairly: {often}.",
        "badly": f"This workload suits COLO badly: {often}.",
        "unknown": "Whether this workload suits COLO is unknown: the guest sent nothing.",
    }[explanation.suits]
    yield Text(verdict, f"bold {COLOURS[explanation.suits]}")
    yield Text(f"{forced} of {all_of_them} checkpoints in {lasted:.1f} s were forced ({_share(forced, all_of_them)})")
    yield Text(f"{explanation.longest:.1f} s was the longest stretch without a forced one")
    yield Text(
        f"{explanation.passed} of {sent} frames to clients went out without a checkpoint"
        f" ({_share(explanation.passed, sent)}), {explanation.held} waited for one, {explanation.waiting} wait still"
    )
    if explanation.doubt:
        yield Text(explanation.doubt, "yellow")


def document(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as JSON values; seconds count from when the pair was watched."""
    causes = [
        asdict(cause)
        | {
            "at": round(cause.at - explanation.start, 6),
            "since": None if cause.since is None else round(cause.since - explanation.start, 6),
            "forced": cause.forced,
            "said": said(cause),
        }
        for cause in explanation.causes
    ]
    return {
        "suits": explanation.suits,
        "seconds": round(explanation.end - explanation.start, 6),
        "checkpoints": causes,
        "forced": len(explanation.forced),
        "longest_s": round(explanation.longest, 6),
        "frames": {
            "passed": explanation.passed,
            "held": explanation.held,
            "waiting": explanation.waiting,
            "out": explanation.out,
        },
    }


def _whose(group: Group) -> str:
    sessions = len({cause.flow for cause in group.causes if cause.flow})
    return group.service + (f" ({sessions} sessions)" if sessions > 1 else "")


def _byte(value: int | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:#04x}" + (f" {chr(value)!r}" if chr(value).isascii() and chr(value).isprintable() else "")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"
