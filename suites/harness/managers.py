"""Histories of failovers by a cluster manager, and of whose voice was heard."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def handed_over() -> list[Entry]:
    """Tell of a guest that is heard from host_a until 5 s, from host_b after a failover to it at 5.2 s.

    The manager noticed the loss at 5.05 s and had host_a fenced; an answer was under way meanwhile.
    """
    tape = Tape().phase(1, "replicating").fault(5, "inject").fault(5, "bitten", host="host_a")
    tape.add(5.05, "phase", "host_b", "detected", of="host_a", reason="its QEMU ended").add(
        5.15, "phase", "host_a", "fenced", by="host_b"
    )
    tape.echo(4.8, 0, took=0.8)
    tape.phase(5.2, "failover", role="secondary", host="host_b").phase(5.4, "promoted", role="secondary", host="host_b")
    tape.add(1.5, "observe", "host_a", "voice", value=90, until=4.9)
    tape.add(5.3, "observe", "host_b", "voice", value=70, until=6.8)
    return tape.add(7, "observe", "switch", "frames-dropped", value=0).entries


def beating() -> list[Entry]:
    """Tell of two hosts that hear each other, with some beats missed, and of an alarm after the end of all."""
    tape = Tape().phase(1, "replicating")
    for host in ("host_a", "host_b"):
        tape.add(9, "observe", host, "heartbeat", beats=160, most_missed=4, unsent=0, longest_s=0.31)
    return tape.add(9.5, "phase", "host_a", "watching").entries
