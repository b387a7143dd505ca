"""The histories that checkers of the applications must reject."""

from typing import Any

from colo_harness.history import Entry
from colo_harness.judge.bank import bank_holds
from colo_harness.judge.connections import same_connection
from colo_harness.judge.counting import counter_runs_on
from colo_harness.judge.pieces import file_whole
from suites.harness.cases import Case, change
from suites.harness.histories import Tape, after, ended, is_a

LOSS = 3.0


def banked() -> list[Entry]:
    """Return two transfers before a loss, one after it, and the books before and after, all over one connection."""
    tape, commits, balances = Tape(), [], [1000, 1000]
    for n, at in enumerate((1.0, 2.0, 5.0)):
        order = {"n": n, "bank": "redis", "id": f"redis-0.{n}", "debit": 0, "credit": 1, "amount": 10}
        commits.append(order["id"])
        balances = [balances[0] - 10, balances[1] + 10]
        tape.op(at, "redis-0", "transfer", order, {"number": n + 1, "connection": 7})
        books = {"commits": list(commits), "balances": balances, "connection": 7}
        tape.op(at + 0.5, "redis-0", "audit", {"bank": "redis", "opening": 1000}, books)
    return tape.fault(LOSS, "inject").fault(LOSS, "bitten").entries


def downloaded() -> list[Entry]:
    """Return a file of three pieces that a loss meets, and the first of the next."""
    tape = Tape()
    for n, at in enumerate((1.0, 2.0, 5.0, 6.0)):
        tape.op(at, "web-0", "piece", {"n": n, "piece": n % 3, "of": 3}, {"sent": f"9:{n}", "got": f"9:{n}"})
    return tape.fault(LOSS, "inject").fault(LOSS, "bitten").entries


def counted() -> list[Entry]:
    """Return two numbers before a loss and two after it."""
    tape = Tape()
    for n, at in enumerate((1.0, 2.0, 5.0, 6.0)):
        tape.op(at, "ssh-0", "count", {"n": n}, {"got": n, "connection": 99})
    return tape.fault(LOSS, "inject").fault(LOSS, "bitten").entries


FORGOTTEN: dict[str, Any] = {"commits": ["redis-0.0", "redis-0.2"], "balances": [980, 1020]}
APPLICATIONS = [
    Case(
        bank_holds,
        banked,
        change(after(LOSS, ended("audit")), **FORGOTTEN),
        ended("audit"),
    ),
    Case(file_whole, downloaded, change(after(LOSS, ended("piece")), got="9:7"), is_a("fault")),
    Case(counter_runs_on, counted, change(after(LOSS, ended("count")), got=3), is_a("fault")),
    Case(same_connection, banked, change(after(LOSS, ended("transfer")), connection=8), is_a("fault")),
]
