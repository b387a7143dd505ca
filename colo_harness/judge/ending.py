"""A guest's own end: what becomes of the QEMUs on both hosts."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import faults
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided

HOSTS = ("host_a", "host_b")


@dataclass(frozen=True)
class Ended(Parametrised):
    """The QEMU of each of these hosts said that its guest has ended, for `reason`, and ended itself with status 0.

    `reason` is a ShutdownCause (qapi/run-state.json).
    """

    reason: str = "guest-shutdown"
    hosts: tuple[str, ...] = HOSTS

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        if not _bitten(entries):
            return undecided("no fault is proven to have bitten")
        breaches = []
        for host in self.hosts:
            exits = _exits(entries, host)
            told = [e.data.get("reason") for e in entries if (e.kind, e.who, e.what) == ("event", host, "SHUTDOWN")]
            if not exits:
                breaches.append(Breach(f"{host} has not ended"))
            breaches += [
                Breach(f"{host} ended with status {one.data['value']}", one.at, (one.line,))
                for one in exits
                if one.data["value"] != 0
            ]
            if told != [self.reason]:
                breaches.append(Breach(f"{host} told of {', '.join(map(str, told)) or 'no end'}, not of {self.reason}"))
        return decide(breaches, [], f"{', '.join(self.hosts)}: ended for {self.reason}, with status 0")


@dataclass(frozen=True)
class Stays(Parametrised):
    """The QEMU of each host outlives its guest, and says in the end that its run state is `status`."""

    status: str
    hosts: tuple[str, ...] = HOSTS

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        if not (bitten := _bitten(entries)):
            return undecided("no fault is proven to have bitten")
        breaches, doubts = [], []
        for host in self.hosts:
            exits = _exits(entries, host)
            asked = [e for e in entries if (e.kind, e.who, e.what) == ("observe", host, "query-status")]
            late = [entry for entry in asked if entry.at >= bitten[-1]]
            breaches += [Breach(f"{host} ended with status {e.data['value']}", e.at, (e.line,)) for e in exits]
            if late and (said := late[-1].data["value"].get("status")) != self.status:
                breaches.append(Breach(f"{host} says {said}, not {self.status}", late[-1].at, (late[-1].line,)))
            doubts += [] if late or exits else [f"{host} was not asked after the fault"]
        return decide(breaches, doubts, f"{', '.join(self.hosts)}: {self.status}")


def _bitten(entries: Sequence[Entry]) -> list[float]:
    return [fault.bitten for fault in faults(entries) if fault.bitten is not None]


def _exits(entries: Sequence[Entry], host: str) -> list[Entry]:
    return [entry for entry in entries if (entry.kind, entry.who, entry.what) == ("observe", host, "exit-status")]
