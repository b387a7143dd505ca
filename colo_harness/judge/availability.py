"""What a client is promised of the time after a failover: a short stall, an open door, a running survivor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, phases, promotions
from colo_harness.judge.operations import OPENINGS, Op, ledger
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide, holds, undecided

_FIRST_RTO = 1.0  # seconds; RFC 6298 §2.1


@dataclass(frozen=True)
class StallBelow(Parametrised):
    """Answers that a failover held up come with the next TCP retransmission, plus `margin_s` seconds.

    The retransmission timer doubles (RFC 6298 §5.5): the next one comes at most as long after the promotion
    as the loss was before it, and at most the first timer's second for what was never acknowledged.
    """

    margin_s: float

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        if not promotions(entries):
            return undecided("no promotion in the history")
        breaches, doubts, worst, seen = [], [], 0.0, 0
        ops = ledger(entries).ops
        for lost, promoted in _failovers(entries):
            for op in _held_up(ops, lost, promoted):
                seen += 1
                base = max(promoted, op.invoked)
                limit = base + max(promoted - lost, _FIRST_RTO) + self.margin_s
                end = op.completed
                if end > limit and (op.ended or entries[-1].at) > limit:
                    what = f"came {end - base:.3f} s after" if end < float("inf") else "never came, long after"
                    allowed = f"{limit - base:.3f} s allowed"
                    breaches.append(Breach(f"{op}: the answer {what} {base:.3f} s, {allowed}", limit, op.lines))
                elif end == float("inf"):
                    doubts.append(f"{op} has no answer, and the history ends too early to tell")
                else:
                    worst = max(worst, end - base)
        if not seen:
            doubts.append("no operation over TCP was under way in a failover or followed it")
        return decide(breaches, doubts, f"{seen} operations, the last answer {worst:.3f} s after promotion")


def _failovers(entries: Sequence[Entry]) -> Iterable[tuple[float, float]]:
    """Yield (loss, promotion) in seconds: the earliest fault since the last promotion that was not healed before."""
    since = 0.0
    for promoted in promotions(entries):
        began = [
            fault.began
            for fault in faults(entries)
            if fault.began is not None
            and since <= fault.began <= promoted.at
            and (fault.heal is None or fault.heal > promoted.at)
        ]
        yield min(began, default=promoted.at), promoted.at
        since = promoted.at


def _held_up(ops: Iterable[Op], lost: float, promoted: float) -> Iterable[Op]:
    """Yield what was under way between loss and promotion, and the first of each session after it."""
    followed: set[str] = set()
    for op in ops:
        if op.lossy or op.early or op.what == "close":
            continue
        under_way = op.invoked <= promoted and (op.ended is None or op.ended > lost)
        if under_way or (op.invoked > promoted and op.who not in followed):
            yield op
        if op.invoked > promoted:
            followed.add(op.who)


@checker
def new_sessions_open(entries: Sequence[Entry]) -> Verdict:
    """Clients that come after the promotion are let in."""
    promoted = promotions(entries)
    if not promoted:
        return undecided("no promotion in the history")
    late = [op for op in ledger(entries).of(*OPENINGS) if op.invoked >= promoted[-1].at]
    breaches = [
        Breach(f"{op} failed: {op.answer.get('error', op.outcome)}", op.ended, op.lines)
        for op in late
        if op.outcome in ("fail", "info")
    ]
    doubts = [f"{op} has no end" for op in late if op.outcome is None]
    if not late:
        doubts.append(f"no session was opened after the promotion at {promoted[-1].at:.3f} s")
    return decide(breaches, doubts, f"{len(late)} sessions opened after the promotion")


@checker
def sessions_go_on(entries: Sequence[Entry]) -> Verdict:
    """Each session that was answered before the loss, and was not closed, is answered again after the promotion."""
    lost_and_promoted = list(_failovers(entries))
    if not lost_and_promoted:
        return undecided("no promotion in the history")
    lost, promoted = lost_and_promoted[-1]
    ops = ledger(entries).ops
    known = {op.who: op for op in ops if op.acknowledged and op.completed <= lost}
    closed = {op.who for op in ops if op.what == "close" and op.invoked <= promoted}
    again = {op.who for op in ops if op.acknowledged and promoted <= op.completed < float("inf")}
    silent = [last for who, last in known.items() if who not in closed | again]
    breaches = [Breach(f"{last.who} was not answered again after {last}", lost, last.lines) for last in silent]
    doubts = [] if known else [f"no session was answered before {lost:.3f} s"]
    return decide(breaches, doubts, f"{len(known)} sessions, each answered before and after")


@checker
def survivors_run(entries: Sequence[Entry]) -> Verdict:
    """The promoted host runs: its last `query-status` says so."""
    promoted = promotions(entries)
    if not promoted:
        return undecided("no promotion in the history")
    host = promoted[-1].data.get("host", "")
    asked = [
        entry
        for entry in entries
        if (entry.kind, entry.who, entry.what) == ("observe", host, "query-status") and entry.at >= promoted[-1].at
    ]
    if not asked:
        return undecided(f"query-status of {host or 'the survivor'} was not asked after the promotion", promoted[-1])
    status = asked[-1].data.get("value") or {}
    wanted = {"running": True, "status": "running"}
    told = {key: status.get(key) for key in wanted} if isinstance(status, dict) else status
    breaches = [] if told == wanted else [Breach(f"{host} says {told}", asked[-1].at, (asked[-1].line,))]
    return decide(breaches, [], f"{host} runs")


@checker
def failover_completed(entries: Sequence[Entry]) -> Verdict:
    """Each failover that was begun was carried out to its end: no command of it was refused or hung."""
    begun = phases(entries, "failover")
    breaches = [Breach(_first_line(entry), entry.at, (entry.line,)) for entry in phases(entries, "stuck")]
    done = len(promotions(entries))
    doubts = [] if breaches or (begun and done == len(begun)) else [f"{len(begun)} failovers begun, {done} ended"]
    return decide(breaches, doubts, f"{done} failovers, each carried out")


def _first_line(stuck: Entry) -> str:
    return f"{stuck.data.get('host')} is stuck: {str(stuck.data.get('reason')).partition(chr(10))[0]}"


@dataclass(frozen=True)
class FellInFailover(Parametrised):
    """The last fault bit while a failover stood still after this command; else the run proves nothing of it."""

    after: str

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        stood = [entry for entry in phases(entries, "failover stands") if entry.data.get("after") == self.after]
        went_on = phases(entries, "failover goes on")
        bitten = [fault for fault in faults(entries) if fault.bitten is not None]
        if not stood or not went_on or not bitten:
            return undecided(f"no failover stood still after {self.after} when a fault bit")
        at = bitten[-1].bitten or 0.0
        if not stood[-1].at <= at <= went_on[-1].at:
            return undecided(f"{bitten[-1].what} bit at {at:.3f} s, not while the failover stood after {self.after}")
        return holds(f"{bitten[-1].what} bit at {at:.3f} s, after {self.after}")
