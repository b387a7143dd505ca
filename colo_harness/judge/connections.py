"""Connections that libraries keep, and may open anew behind their user's back."""

from collections.abc import Sequence

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.operations import ledger
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def same_connection(entries: Sequence[Entry]) -> Verdict:
    """All answers of a session came by one connection, those before the last loss and those after it."""
    told = [op for op in ledger(entries).ops if op.outcome == "ok" and "connection" in op.answer]
    since = last_loss(entries)
    breaches, doubts = [], []
    for who in dict.fromkeys(op.who for op in told):
        mine = [op for op in told if op.who == who]
        first = mine[0].answer["connection"]
        breaches += [
            Breach(
                f"{op} came by {op.answer['connection']}, {mine[0]} by {first}", op.ended, (*mine[0].lines, *op.lines)
            )
            for op in mine
            if op.answer["connection"] != first
        ]
        if not (mine[0].completed <= since < mine[-1].completed):
            doubts.append(f"{who} was not answered before and after {since:.3f} s")
    doubts += [] if told else ["no answer tells of its connection"]
    return decide(breaches, doubts, f"{len(told)} answers, each by its session's connection")
