"""Stories of whole pairs, as long as a test's history."""

from colo_harness.history import Entry
from suites.harness.histories import Tape

HOSTS = ("host_a", "host_b")


def together(*hosts: str) -> Tape:
    """Tell of a pair that starts at 0 s and replicates from 1 s on."""
    tape = Tape().phase(0, "start", sabotage="sound")
    for host in hosts or HOSTS:
        tape.add(0.5, "observe", host, "query-status", value={"status": "inmigrate", "running": False})
        tape.add(1, "event", host, "RESUME")
    return tape.phase(1, "replicating")


def killed() -> Tape:
    """Tell of a primary that is killed at 4 s, behind a checkpoint at 2 s, and of a client that waits 0.75 s."""
    tape = together().checkpoint(2).checkpoint(2, "host_b").echo(1.5, 0).echo(4.25, 1, took=0.75)
    tape.add(4, "fault", "nemesis", "kill-primary", type="inject", fault=0)
    tape.add(4.125, "fault", "nemesis", "kill-primary", type="bitten", fault=0, host="host_a")
    tape.add(4.25, "event", "host_b", "COLO_EXIT", mode="secondary", reason="error")
    tape.phase(4.5, "failover", role="secondary", host="host_b", fenced=True)
    tape.phase(4.75, "promoted", role="secondary", host="host_b")
    tape.add(8, "fault", "nemesis", "kill-primary", type="heal", fault=0)
    return tape.add(8, "fault", "nemesis", "kill-primary", type="healed", fault=0)


def resumed() -> Tape:
    """Tell of the killed primary's host, which gets another QEMU at 5 s and replicates again from 6 s on."""
    tape = killed().phase(5, "resume", host="host_b")
    tape.add(5.5, "observe", "host_a", "query-status", value={"status": "inmigrate", "running": False})
    tape.add(6, "event", "host_a", "RESUME").phase(6, "replicating")
    return tape.checkpoint(7, "host_b").checkpoint(7)


def long_history() -> list[Entry]:
    """Tell of ten minutes in which eight sessions make 24,000 operations and both hosts 600 checkpoints."""
    tape = together()
    for second in range(2, 602):
        for host in HOSTS:
            tape.checkpoint(second, host)
        for number in range(5):
            for session in range(8):
                tape.echo(second + number / 5, 5 * second + number, who=f"echo-{session}")
    tape.op(300, "echo-3", "echo", {"n": 0}, {"error": "eof"}, outcome="fail")
    return tape.phase(603, "end").entries


def crowd() -> list[Entry]:
    """Tell of 64 sessions that make ten operations each around a failover."""
    tape = killed()
    for session in range(64):
        for number in range(10):
            tape.echo(1 + number * 0.7 + session / 500, number, who=f"echo-{session}", took=0.02)
    return tape.entries
