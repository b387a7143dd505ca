"""Histories of failovers by a cluster manager, and of whose voice was heard."""

from colo_harness.history import Entry
from suites.harness.histories import Tape


def handed_over() -> list[Entry]:
    """Tell of a guest that is heard from host_a until 5 s, from host_b after a failover to it at 5.2 s."""
    tape = Tape().phase(1, "replicating").fault(5, "inject").fault(5, "bitten", host="host_a")
    tape.phase(5.2, "failover", role="secondary", host="host_b").phase(5.4, "promoted", role="secondary", host="host_b")
    tape.add(1.5, "observe", "host_a", "voice", value=90, until=4.9)
    tape.add(5.3, "observe", "host_b", "voice", value=70, until=6.8)
    return tape.add(7, "observe", "switch", "frames-dropped", value=0).entries
