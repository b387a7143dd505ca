"""How far a start had come when a fault fell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, phases, promotions
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, holds, undecided

Stage = Literal["refused", "first pass", "device", "ready"]


@dataclass(frozen=True)
class FellWhileStarting(Parametrised):
    """The last fault bit at this stage of the way into COLO, as QEMU's own events tell; else the run proves nothing.

    refused: the migration had failed, since nobody listened. first pass: memory was sent for the first time. device:
    the guest had stopped and its devices' state was under way. ready: the secondary had said that it has it all, and
    the primary had not heard it.
    """

    stage: Stage
    primary: str = "host_a"
    secondary: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bitten = [fault for fault in faults(entries) if fault.bitten is not None and fault.inject is not None]
        if not bitten:
            return undecided("no fault is proven to have bitten")
        fault = bitten[-1]
        seen = self._stage([entry for entry in entries if entry.at <= (fault.inject or 0.0)])
        if seen != self.stage:
            return undecided(f"{fault.what} fell at {fault.inject:.3f} s: {seen}, not {self.stage}")
        return holds(f"{fault.what} fell at {fault.inject:.3f} s: {seen}")

    def _stage(self, before: Sequence[Entry]) -> str:
        """Return the stage, or the primary's migration state where it is none."""
        mine = [entry for entry in before if entry.kind == "event" and entry.who == self.primary]
        at = max((i for i, e in enumerate(mine) if e.data.get("status") == "setup"), default=len(mine))
        attempt = mine[at:]
        states = [str(entry.data.get("status")) for entry in attempt if entry.what == "MIGRATION"]
        state = states[-1] if states else "no migration"
        if state == "failed" and "active" not in states:
            return "refused"
        if state == "active" and not any(entry.what == "MIGRATION_PASS" for entry in attempt):
            return "first pass"
        if state == "colo":
            said = self._said(before, self.secondary, "colo_send_message", since=attempt[0].at)
            heard = self._said(before, self.primary, "colo_receive_message", since=attempt[0].at)
            return "ready" if said and not heard else "colo"
        return state

    def _said(self, entries: Sequence[Entry], host: str, way: str, *, since: float) -> bool:
        return any(
            (entry.kind, entry.who, entry.what) == ("trace", host, way) and entry.at >= since for entry in entries
        )


@dataclass(frozen=True)
class NeverRan(Parametrised):
    """A failover to `host` was asked for and not carried out, and its guest ran at no time since the last resume."""

    host: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        since = max((entry.at for entry in phases(entries, "resume")), default=0.0)
        entries = [entry for entry in entries if entry.at >= since]
        ran = [e for e in entries if (e.kind, e.who, e.what) == ("event", self.host, "RESUME")]
        carried_out = [e for e in promotions(entries) if e.data.get("host") == self.host]
        breaches = [Breach(f"{self.host}'s guest ran", entry.at, (entry.line,)) for entry in ran]
        breaches += [Breach(f"{self.host} was promoted", entry.at, (entry.line,)) for entry in carried_out]
        refused = [entry for entry in phases(entries, "stuck") if entry.data.get("host") == self.host]
        doubts = [] if refused or breaches else [f"no failover to {self.host} was tried"]
        return decide(breaches, doubts, f"{self.host} was not promoted, and its guest never ran")
