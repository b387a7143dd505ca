"""The lanes of the hosts: run state, role, and the phases of their checkpoints."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import messages
from colo_harness.judge.moments import phases, promotions
from colo_harness.report.timeline.lane import Axis, Bar, Lane, Look, Mark

_BEGINS: dict[str, Look] = {"checkpoint-request": "agree", "vmstate-send": "transfer", "vmstate-received": "load"}
_ENDS = frozenset({"vmstate-loaded", "guest-shutdown"})
_FIRST_ROLES: dict[str, Look] = {"host_a": "primary", "host_b": "secondary"}

State = tuple[float, Look]


def host_lanes(entries: Sequence[Entry], axis: Axis) -> list[Lane]:
    """Return two lanes for each host that the history tells of: it runs, and it takes checkpoints."""
    lanes = []
    for host in sorted({entry.who for entry in entries if entry.who in _FIRST_ROLES}):
        states = [*_states(entries, host), (axis.end, "dead")]
        died = next(at for at, state in states if state == "dead")
        runs = [Bar(at, until, look) for (at, look), (until, _) in pairwise(states) if at < until]
        roles = [bar for bar in _roles(entries, host, died) if bar.start < bar.end]
        marks = [Mark(bar.start, bar.look, bar.look) for bar in roles if axis.width(bar.look) < bar.end - bar.start]
        lanes.append(Lane("host", host, (*runs, *roles), tuple(marks)))
        if taken := tuple(_checkpoints(entries, host, died)):
            lanes.append(Lane("checkpoints", "checkpoints", taken))
    return lanes


def _states(entries: Sequence[Entry], host: str) -> list[State]:
    """Return the changes of the host's run state, the first at the start of the procedure; dead is for ever."""
    states: list[State] = []
    frozen: set[object] = set()
    for entry in entries:
        now: Look | None = None
        before = states[-1][1] if states else None
        if entry.kind == "phase":
            now = _told_by_phase(entry, host, before)
        elif entry.kind == "fault":
            now = _told_by_fault(entry, host, frozen)
        elif entry.who == host:
            now = _told_by_host(entry, before)
        if now and before not in (now, "dead"):
            states.append((entry.at, now))
    return states


def _told_by_phase(entry: Entry, host: str, before: Look | None) -> Look | None:
    if entry.what == "start" and before is None:
        return "starting"
    fenced = entry.what == "failover" and entry.data.get("fenced") and entry.data.get("host") != host
    return "dead" if fenced else None


def _told_by_fault(entry: Entry, host: str, frozen: set[object]) -> Look | None:
    number, moment, what = entry.data.get("fault"), entry.data.get("type"), entry.what.lower()
    if moment == "bitten" and entry.data.get("host") == host:
        if what.startswith("freeze"):
            frozen.add(number)
            return "frozen"
        return "dead" if what.startswith("kill") else None
    return "dead" if moment == "healed" and number in frozen else None


def _told_by_host(entry: Entry, before: Look | None) -> Look | None:
    if entry.kind == "event":
        return {"STOP": "paused", "RESUME": "running"}.get(entry.what)  # type: ignore[return-value]
    if entry.kind != "observe":
        return None
    if entry.what == "exit-status":
        return "dead"
    value = entry.data.get("value")
    if entry.what != "query-status" or not isinstance(value, dict):
        return None
    if value.get("running"):
        return "running"
    return "starting" if before in (None, "starting") else "paused"


def _roles(entries: Sequence[Entry], host: str, died: float) -> Iterator[Bar]:
    """Yield how long the host had which role: a failover makes the survivor the primary, the lost one nothing."""
    begun = phases(entries, "start")
    if not begun:
        return
    since, role = begun[0].at, _FIRST_ROLES[host]
    for turn in promotions(entries):
        yield Bar(since, min(turn.at, died), role)
        if turn.data.get("host") != host:
            return
        since, role = turn.at, "primary"
    yield Bar(since, died, role)


def _checkpoints(entries: Sequence[Entry], host: str, died: float) -> Iterator[Bar]:
    """Yield the phases of each checkpoint; one that is broken off lasts until the host left COLO or died."""
    left = [entry.at for entry in entries if (entry.kind, entry.who, entry.what) == ("event", host, "COLO_EXIT")]
    begun: State | None = None
    for message in messages(entries, host):
        if message.name not in _BEGINS and message.name not in _ENDS:
            continue
        if begun:
            yield Bar(begun[0], message.at, begun[1])
        begun = (message.at, _BEGINS[message.name]) if message.name in _BEGINS else None
    if begun:
        yield Bar(begun[0], min([died, *(at for at in left if at > begun[0])]), begun[1])
