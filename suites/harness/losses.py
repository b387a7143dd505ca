"""Histories of what clients were told before a loss, and after it."""

from colo_harness.history import Entry
from suites.harness.histories import Tape

LOST = 5.0
A, B = "A" * 64, "B" * 64


def lost_at(tape: Tape, at: float = LOST, host: str = "host_a", number: int = 0) -> Tape:
    """Tell of a host that is killed, and of the other one, which is promoted."""
    other = "host_b" if host == "host_a" else "host_a"
    tape.fault(at, "inject", number).fault(at + 0.01, "bitten", number, host=host)
    return tape.phase(at + 0.2, "promoted", host=other)


def told() -> list[Entry]:
    """Tell of a text, a mark, a block and a connection about which a client has answers before a loss and after it."""
    tape = Tape().op(1, "log-0", "append", {"slot": 1, "text": "mine"}).op(2, "log-0", "mark", {"slot": 2})
    tape.op(3, "log-0", "read", {"slot": 2}, {"text": A}).op(3.5, "log-0", "block", {"block": 7}, {"crc32": "aa"})
    lost_at(tape.echo(4, 0)).echo(6, 1)
    tape.op(6, "log-0", "read", {"slot": 1}, {"text": "mine"}).op(6.1, "log-0", "read", {"slot": 2}, {"text": A})
    return tape.op(6.2, "log-0", "block", {"block": 7}, {"crc32": "aa"}).entries


def both_lost() -> list[Entry]:
    """Tell of both hosts lost, one after the other, and of a client that is not answered any more."""
    tape = Tape().echo(1, 0)
    lost_at(tape, 2)
    lost_at(tape, 3, "host_b", 1)
    return tape.op(4, "echo-0", "echo", {"n": 1}, {"error": "TimeoutError"}, outcome="info").entries


def interrupted() -> list[Entry]:
    """Tell of a frozen primary that dies while the failover to its peer stands still after a command."""
    tape = Tape().fault(1, "inject").fault(1.1, "bitten").phase(2, "failover stands", after="f1")
    return tape.fault(3, "inject", 1).fault(3.1, "bitten", 1).phase(4, "failover goes on").entries
