"""Pieces of a large file that is downloaded again and again over one connection."""

from collections.abc import Sequence

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.operations import OURS, ledger
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def file_whole(entries: Sequence[Entry]) -> Verdict:
    """A download that a loss met comes to its end, in order and not a byte changed, and so does the next one begin.

    Each session has the file's pieces one after the other, and the first behind the last.
    """
    ops, since = ledger(entries).of("piece"), last_loss(entries)
    breaches: list[Breach] = []
    doubts: list[str] = []
    for who in dict.fromkeys(op.who for op in ops):
        mine = [op for op in ops if op.who == who]
        for place, op in enumerate(mine):
            if "error" in op.answer and op.answer["error"] not in OURS:
                breaches.append(Breach(f"{op} was cut off: {op.answer['error']}", op.ended, op.lines))
            elif "wrong" in op.answer or (op.outcome and op.asked["n"] != place):
                told = f"{op} is in place {place}: {op.answer.get('wrong', 'no other came')}"
                breaches.append(Breach(told, op.ended, op.lines))
            elif op.outcome and (op.answer.get("sent") != op.answer.get("got")):
                told = f"{op}: {op.answer['sent']} was due, {op.answer['got']} came"
                breaches.append(Breach(told, op.ended, op.lines))
        late = [op for op in mine if op.outcome == "ok" and op.completed > since]
        met = any(op.completed <= since for op in mine) and late and late[0].asked["piece"] > 0
        ended = any(op.asked["piece"] == op.asked["of"] - 1 for op in late)
        begun = any(op.asked["piece"] == 0 for op in late)
        doubts += [] if met and ended and begun else [f"no download of {who} met the loss, ended and was followed"]
    doubts += [] if ops else ["nothing was downloaded"]
    return decide(breaches, doubts, f"{len(ops)} pieces, each whole and in its place")
