"""A bank: its total holds, and commits stay."""

from collections.abc import Iterator, Sequence

from colo_harness.history import Entry
from colo_harness.judge.acknowledged import last_loss
from colo_harness.judge.operations import Op, ledger
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def bank_holds(entries: Sequence[Entry]) -> Verdict:
    """Whenever a bank shows its books, nobody's money is lost or made, and every commit that it acknowledged is there.

    Its balances are what its commits make of what each account had at first, so that none has half happened. A commit
    keeps its number; none is there twice, and none that nobody asked for or that was refused.
    """
    ops, since = ledger(entries).ops, last_loss(entries)
    breaches: list[Breach] = []
    doubts: list[str] = []
    acknowledged = 0
    for bank in dict.fromkeys(op.asked.get("bank") for op in ops if op.what in ("transfer", "audit")):
        orders = [op for op in ops if op.what == "transfer" and op.asked.get("bank") == bank]
        audits = [op for op in ops if op.what == "audit" and op.asked.get("bank") == bank and op.outcome == "ok"]
        breaches += [breach for books in audits for breach in _wrong(books, orders)]
        known = sum(order.completed <= since for order in orders)
        acknowledged += known
        doubts += [] if known else [f"{bank} acknowledged nothing before {since:.3f} s"]
        doubts += [] if any(op.invoked >= since for op in audits) else [f"{bank} showed no books after {since:.3f} s"]
    doubts += [] if acknowledged or doubts else ["no bank"]
    return decide(breaches, doubts, f"{acknowledged} commits were acknowledged before {since:.3f} s, and are there")


def _wrong(books: Op, orders: Sequence[Op]) -> Iterator[Breach]:
    """Yield what is wrong with the books."""
    commits, balances = books.answer["commits"], books.answer["balances"]
    asked = {order.asked["id"]: order for order in orders}
    for order in orders:
        place = order.answer.get("number", 0) - 1
        if order.completed <= books.invoked and commits[place : place + 1] != [order.asked["id"]]:
            there = f"it has {commits[place]} there" if place < len(commits) else f"it has {len(commits)} commits"
            text = f"{order} was acknowledged as commit {place + 1}, and {books}: {there}"
            yield Breach(text, books.ended, (*order.lines, *books.lines))
    strange = [one for one in commits if one not in asked or asked[one].refused or asked[one].invoked > books.completed]
    twice = sorted({one for one in commits if commits.count(one) > 1})
    if strange or twice:
        text = f"{books} shows commits that nobody asked for ({strange[:3]}) or that are there twice ({twice[:3]})"
        yield Breach(text, books.ended, books.lines)
        return
    due = [books.asked["opening"]] * len(balances)
    for one in commits:
        told = asked[one].asked
        due[told["debit"]] -= told["amount"]
        due[told["credit"]] += told["amount"]
    if balances != due:
        text = f"{books} shows a total of {sum(balances)}, {sum(due)} is due: {balances}, its commits make {due}"
        yield Breach(text, books.ended, books.lines)
