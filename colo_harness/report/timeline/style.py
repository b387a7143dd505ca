"""Style: the colours of a timeline, in light and in dark surroundings."""

from dataclasses import dataclass

from colo_harness.report.timeline.lane import Look


@dataclass(frozen=True)
class Style:
    """How a look is drawn: its colour in light and in dark surroundings, and how high its bar is, in points."""

    light: str
    dark: str
    height: float
    meaning: str
    lowered: float = 0.0
    """Points below the middle of its lane."""


PAPER = ("#ffffff", "#15181d")
INK = ("#1b1f24", "#e4e7eb")
FAINT = ("#5d6670", "#9aa3ae")
GRID = ("#dfe3e7", "#2e343c")

STYLES: dict[Look, Style] = {
    "starting": Style("#dce1e6", "#343a42", 12, "starting"),
    "running": Style("#b5dfc0", "#1e5733", 12, "running"),
    "paused": Style("#f2c14e", "#7d5a08", 12, "paused"),
    "frozen": Style("#9cd3f0", "#1d5f86", 12, "frozen"),
    "dead": Style("#70757c", "#858c95", 2, "dead"),
    "primary": Style("#14633a", "#63d08f", 2.5, "primary", 7),
    "secondary": Style("#8d6cc0", "#b79be8", 2.5, "secondary", 7),
    "agree": Style("#a5d6e2", "#2a5966", 9, "checkpoint: request, reply"),
    "transfer": Style("#2f9fb8", "#39a8c2", 9, "checkpoint: send, size"),
    "load": Style("#0e5263", "#a9e4f0", 9, "checkpoint: received to loaded"),
    "arming": Style("#f5b8ae", "#7c332a", 9, "fault: injected"),
    "biting": Style("#dc4e3a", "#e8604c", 9, "fault: bitten, until healed"),
    "ok": Style("#3d7fc4", "#5a9fe6", 7, "operation: ok"),
    "open": Style("#a0a7b0", "#747c87", 7, "operation: no end"),
    "info": Style("#a24fc0", "#c77fe3", 7, "operation: info"),
    "fail": Style("#c41f3a", "#ff5d73", 7, "operation: fail"),
    "stall": Style("#e08600", "#ffae3d", 2.5, "stall, 0.5 s or more", 5.5),
    "event": Style("#4b5661", "#b4bdc7", 0, "event"),
    "failover": Style("#1a4fa3", "#86b4ff", 0, "failover, end of COLO"),
    "violation": Style("#d00021", "#ff4258", 0, "violation"),
}
