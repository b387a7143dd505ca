"""A counter that runs by itself, in a session of somebody who looks on."""

from collections.abc import Sequence
from itertools import pairwise

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.operations import OURS, ledger
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def counter_runs_on(entries: Sequence[Entry]) -> Verdict:
    """Each number that a session shows is the one after the number before, from before the loss to after it."""
    ops, since = ledger(entries).of("count"), last_loss(entries)
    breaches = [
        Breach(f"{op}: {op.answer.get('wrong') or op.answer['error']}", op.ended, op.lines)
        for op in ops
        if "wrong" in op.answer or op.answer.get("error", "stopped") not in OURS
    ]
    doubts = []
    for who in dict.fromkeys(op.who for op in ops):
        shown = [op for op in ops if op.who == who and op.outcome == "ok"]
        breaches += [
            Breach(f"{who} shows {two.answer['got']} after {one.answer['got']}", two.ended, (*one.lines, *two.lines))
            for one, two in pairwise(shown)
            if two.answer["got"] != one.answer["got"] + 1
        ]
        if not (any(op.completed <= since for op in shown) and any(op.invoked > since for op in shown)):
            doubts.append(f"{who} showed nothing before or after {since:.3f} s")
    doubts += [] if ops else ["no session showed a counter"]
    return decide(breaches, doubts, f"{len(ops)} numbers, one after the other")
