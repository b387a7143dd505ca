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
    """Return two lanes for each host that the history tells of: its QEMUs run, and they take checkpoints."""
    lanes = []
    for host in sorted({entry.who for entry in entries if entry.who in _FIRST_ROLES}):
        bars: list[Bar] = []
        marks: list[Mark] = []
        taken: list[Bar] = []
        lives = _lives(entries, host)
        for life, end in zip(lives, [*(later[0].at for later in lives[1:]), axis.end], strict=True):
            states = [*_states(life, host), (end, "dead")]
            died = next(at for at, state in states if state == "dead")
            roles = [bar for bar in _roles(life, host, died) if bar.start < bar.end]
            bars += [Bar(at, until, look) for (at, look), (until, _) in pairwise(states) if at < until]
            bars += roles
            marks += [
                Mark(bar.start, bar.look, bar.look) for bar in roles if axis.width(bar.look) < bar.end - bar.start
            ]
            taken += _checkpoints(life, host, died)
        lanes.append(Lane("host", host, tuple(bars), tuple(marks)))
        if taken:
            lanes.append(Lane("checkpoints", "checkpoints", tuple(taken)))
    return lanes


def _lives(entries: Sequence[Entry], host: str) -> list[Sequence[Entry]]:
    """Return the stretches in which the host had one QEMU: a resume of the other host brings the next one."""
    begun = [n for n, entry in enumerate(entries) if _is_resumed(entry) and entry.data.get("host") != host]
    return [entries[start:end] for start, end in pairwise([0, *begun, len(entries)])]


def _is_resumed(entry: Entry) -> bool:
    return entry.kind == "phase" and entry.what == "resume"


def _states(entries: Sequence[Entry], host: str) -> list[State]:
    """Return the changes of the run state of one QEMU, the first as it is started; dead is for ever."""
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
    if entry.what in ("start", "resume") and before is None:
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
    begun = entries[:1] if _is_resumed(entries[0]) else phases(entries, "start")
    if not begun:
        return
    since: float = begun[0].at
    role: Look = "secondary" if _is_resumed(begun[0]) else _FIRST_ROLES[host]
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
            yield _phase(begun, message.at, left)
        begun = (message.at, _BEGINS[message.name]) if message.name in _BEGINS else None
    if begun:
        yield _phase(begun, died, left)


def _phase(begun: State, until: float, left: Sequence[float]) -> Bar:
    """Return a phase that lasts until then, or until the host left COLO."""
    at, look = begun
    return Bar(at, min([until, *(moment for moment in left if moment > at)]), look)
