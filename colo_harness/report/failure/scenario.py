"""The scenario: the phases that a test went through, as steps, with the judgement at its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

from colo_harness.history import Entry
from colo_harness.report.failure.moment import Moment, happened

Status = Literal["passed", "failed", "broken"]
MOST = 40
"""So many steps are shown one by one: the last ones up to the violation's, and what follows that."""
_OF_VERDICT: dict[str, Status] = {"valid": "passed", "invalid": "failed"}


@dataclass(frozen=True)
class Step:
    """A step from `start` to `end`, in seconds of the history; `files` are names of attachments to show in it."""

    name: str
    start: float
    end: float
    status: Status = "passed"
    message: str = ""
    steps: tuple["Step", ...] = ()
    files: tuple[str, ...] = ()


def scenario(entries: Sequence[Entry], moment: Moment, files: Sequence[str]) -> list[Step]:
    """Return the steps; the one in which a promise was broken failed, and shows the `files`."""
    steps = list(_phases(happened(entries)))
    place = max((place for place, step in enumerate(steps) if step.start <= moment.at), default=0)
    if steps:
        failed: Status = "failed" if moment.sentence else "passed"
        steps[place] = replace(steps[place], status=failed, message=moment.sentence, files=tuple(files))
    if (early := place + 1 - MOST) > 0:
        steps[:early] = [Step(f"{early} steps before", steps[0].start, steps[early].start)]
    return [*steps, *_judgement(entries)]


def _phases(entries: Sequence[Entry]) -> Iterator[Step]:
    """Yield a step for each phase or fault; several alike in a row are one."""
    told = [(entry.at, name) for entry in sorted(entries, key=lambda one: one.at) if (name := _name(entry))]
    runs = [(name, list(run)) for name, run in groupby(told, key=lambda one: one[1])]
    end = max((entry.at for entry in entries), default=0.0)
    borders = [*(run[0][0] for _, run in runs), end]
    for (name, run), (start, until) in zip(runs, pairwise(borders), strict=True):
        times = f" \N{MULTIPLICATION SIGN} {len(run)}" if len(run) > 1 else ""
        yield Step(f"{name}{times}", start, max(start, until))


def _name(entry: Entry) -> str:
    """Put a phase or a fault into words; nothing else is a step."""
    data = entry.data
    if entry.kind == "fault":
        words = {"inject": "fault", "heal": "healing of"}
        return f"{words[data['type']]} {entry.what}" if data.get("type") in words else ""
    if entry.kind != "phase" or entry.what == "exec":
        return ""
    match entry.what:
        case "failover":
            return f"failover to the {data.get('role')}, {data.get('host')}"
        case "promoted" | "stuck":
            return f"{data.get('host')} {entry.what}"
        case "delay":
            return f"x-checkpoint-delay becomes {data.get('delay_s')} s"
    return entry.what if entry.who == "pair" else f"{entry.who}: {entry.what}"


def _judgement(entries: Sequence[Entry]) -> Iterator[Step]:
    checks = [entry for entry in entries if entry.kind == "check"]
    said = [
        Step(
            f"{check.what}: {check.data['verdict']}: {check.data['reason']}",
            check.at,
            check.at,
            _OF_VERDICT.get(check.data["verdict"], "broken"),
        )
        for check in checks
    ]
    for status in ("failed", "broken", "passed"):
        if any(step.status == status for step in said):
            yield Step("judgement", said[0].start, said[-1].end, status, steps=tuple(said))
            return
